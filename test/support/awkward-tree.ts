import { shellIn } from './shell.ts'

export interface AwkwardTreeOptions {
  /** What the filesystem refuses is left out. */
  asFarAsCan?: boolean
  /** Where the filesystem cannot have one above 2^31. */
  hiddenOwner?: string
}

/** Fills `directory` with all that is awkward to copy (rows 13 to 15 of the fault table). */
export async function growAwkwardTree(
  directory: string,
  options?: AwkwardTreeOptions,
): Promise<void> {
  const parts = [plain, links, attributes, specials, names, beginnings, times]
  await runIn(directory, parts.join('\n'), options)
}

/** Changes the tree as its application might between two snapshots. */
export async function changeAwkwardTree(
  directory: string,
  options?: AwkwardTreeOptions,
): Promise<void> {
  await runIn(directory, changes, options)
}

/**
 * Does to the tree all that a restore has to put right, including what does not show in size and
 * time.
 */
export async function damageAwkwardTree(
  directory: string,
  options?: AwkwardTreeOptions,
): Promise<void> {
  await runIn(directory, damage, options)
}

async function runIn(
  directory: string,
  script: string,
  { asFarAsCan = false, hiddenOwner = '4000000000:4000000001' }: AwkwardTreeOptions = {},
): Promise<void> {
  const all = `hidden_owner=${hiddenOwner}\n${script}`
  await shellIn(directory, asFarAsCan ? `set +e; exec 2>/dev/null\n${all}\ntrue` : all)
}

const plain = String.raw`
umask 022
mkdir -p plain/deep/deeper empty-directory
for name in kept edited grown deleted renamed retimed remoded reowned silently; do
  echo "the content of $name" > plain/$name
done
: > plain/empty-file
head -c 300000 /dev/urandom > plain/large
echo deep > plain/deep/deeper/file
echo becomes > becomes-a-directory
mkdir becomes-a-file && echo x > becomes-a-file/inside
echo becomes > becomes-a-symlink
ln -s plain becomes-a-real-directory
`

const links = String.raw`
mkdir -p links/deep
echo several > links/one
ln links/one links/two
ln links/one links/deep/three
ln links/one name-in-the-root
echo split > links/split-a && ln links/split-a links/split-b
echo pair > links/pair-a && ln links/pair-a links/pair-b
echo merged > links/merged-a && cp -a links/merged-a links/merged-b
ln -s nowhere links/dangling && ln -P links/dangling links/dangling-too
ln -s /etc/passwd links/absolute
ln -s ../plain links/to-a-directory
ln -s "$(printf '%01000d' 7)" links/long-target
`

const attributes = String.raw`
mkdir attributes
cd attributes
for name in acl xattr capability setuid setgid hidden; do echo $name > $name; done
setfacl -m u:1234:rw,g:5678:r acl
mkdir default-acl && setfacl -m d:u:1234:rwx,d:g:5678:rx default-acl && echo inherits > default-acl/file
setfattr -n user.colour -v blue xattr
setfattr -n user.binary -v 0x00ff0a00 xattr
setfattr -n user.of-a-directory -v yes default-acl
setfattr -n trusted.of-root -v yes xattr
chown 1234:5678 capability setuid setgid
setcap cap_net_bind_service+ep capability
chmod 4755 setuid
chmod 2755 setgid
mkdir setgid-directory && chmod 2775 setgid-directory
mkdir sticky && chmod 1777 sticky
chown $hidden_owner hidden
chmod 0000 hidden
ln -s hidden owned-link && chown -h 1234:5678 owned-link
cd ..
`

const specials = String.raw`
mkdir specials
mkfifo specials/fifo
ln specials/fifo specials/fifo-too
mknod specials/block b 42 7
mknod specials/character c 1 3
perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "specials/socket", Listen => 1) or die $!'
truncate -s 2M specials/hole
truncate -s 2M specials/sparse
printf data | dd of=specials/sparse bs=64K seek=3 conv=notrunc status=none
printf data | dd of=specials/sparse bs=64K seek=20 conv=notrunc status=none
`

const names = String.raw`
mkdir names
cd names
for name in $'new\nline' $'esc\e[31mred' $'byte\xff' -rf a:b ' leading' 'trailing ' .~tmp~ .snapshot.json \
  '*?[x]' 'back\slash' '#hash' $'\xc3\xbc' $'u\xcc\x88' '\#012' "quote'\"" @GMT-2026.01.01-00.00.00; do
  echo "$name" > ./"$name"
done
printf -- '- *\n' > .rsync-filter
printf 'plain\n*\n' > .cvsignore
mkdir .~directory~ .snap-volume && echo x > .~directory~/file
echo long > "$(printf '%0255d' 0)"
perl -e '
  my $long = "0" x 255;
  mkdir "deep" and chdir "deep" or die $!;
  for (1 .. 15) { mkdir $long and chdir $long or die $! }
  open my $file, ">", "1" x 239 or die $!;
  print $file "4090 bytes below the root";
'
cd ..
`

/** What a path of a list may begin with. */
const beginnings = String.raw`
for first in '#' ';' - + ' ' ! : @ '~' . $'\n'; do
  mkdir -p "./$first""directory/inside"
  echo "$first" > "./$first""file"
  echo "$first" > "./$first""directory/inside/file"
  echo "$first" > "./$first""directory/inside/one"
  ln "./$first""directory/inside/one" "./$first""directory/inside/two"
  ln -s nowhere "./$first""link"
  chown 1234:5678 "./$first""file" "./$first""directory/inside"
  chmod 2751 "./$first""directory/inside"
  touch -h -d '2002-02-02T02:02:02.222222222Z' "./$first""link" "./$first""directory/inside"
  touch -d '2003-03-03T03:03:03.333333333Z' "./$first""directory"
done
`

const times = String.raw`
mkdir times
echo before > times/before-1970
echo after > times/far-ahead
touch -d '2020-02-02T02:02:02.123456789Z' times/nanoseconds 2>/dev/null
touch -d '1960-02-29T01:02:03.123456789Z' times/before-1970
touch -d '2400-02-29T01:02:03.987654321Z' times/far-ahead
touch -h -d '2001-01-01T00:00:00.000000001Z' links/dangling specials/fifo empty-directory
touch -d '1999-09-09T09:09:09.999999999Z' times
`

const changes = String.raw`
umask 022
echo more >> plain/grown
echo "a new content of edited" > plain/edited
rm plain/deleted
mv plain/renamed plain/has-a-new-name
touch -d '2021-01-01T00:00:00.5Z' plain/retimed
chmod 600 plain/remoded
chown 77:88 plain/reowned
setfattr -n user.colour -v red attributes/xattr
setfacl -m u:4321:r attributes/acl
rm becomes-a-directory && mkdir becomes-a-directory && echo x > becomes-a-directory/inside
rm -r becomes-a-file && echo x > becomes-a-file
ln -sf plain/kept becomes-a-symlink
rm becomes-a-real-directory && mkdir becomes-a-real-directory
cp -a links/split-a links/f && mv links/f links/split-a
ln -f links/merged-a links/merged-b
rm links/pair-b
ln links/deep/three links/four
rm specials/fifo-too
printf data | dd of=specials/sparse bs=64K seek=10 conv=notrunc status=none
mkdir -p new/directory && echo new > new/directory/file
rmdir empty-directory
touch attributes/capability
for first in '#' ';'; do
  echo changed > "$first""directory/inside/file"
  echo changed > "$first""file"
  echo new > "$first""directory/new"
  chmod 700 "$first""directory"
done
`

const damage = String.raw`
rm -r '#directory'
echo damaged > '#file'
rm ';file' ';link'
chmod 755 ';directory' ';directory/inside'
echo damaged > ';directory/inside/one'
umask 022
rm plain/grown
rm -r plain/deep attributes/default-acl
echo vandalised > plain/edited
printf 'THE' | dd of=plain/kept conv=notrunc status=none
cp -a plain/silently reference
printf 'THE' | dd of=plain/silently conv=notrunc status=none
touch -r reference plain/silently
rm reference
chmod 777 plain/remoded
chmod 755 attributes/setuid
chown 1:1 plain/reowned
chown 1:1 attributes/capability
setfattr -x user.colour attributes/xattr
setfattr -n user.added -v x plain/empty-file
setfacl -b attributes/acl
touch plain/retimed
rm -r links/deep && echo now-a-file > links/deep
rm plain/large && mkdir -p plain/large/directory && echo x > plain/large/directory/file
rm specials/block && mknod specials/block b 42 8
rm specials/fifo && echo was-a-fifo > specials/fifo
ln -sf elsewhere links/absolute
cp -a links/one links/f && mv links/f links/one
ln -f links/split-a links/split-b
rm links/two && mkdir -p links/two/directory && echo x > links/two/directory/file
ln plain/remoded plain/remoded-too
echo intruder > plain/intruder
mkdir -p intruders/deep && echo x > intruders/deep/$'odd\n\xffname'
printf x | dd of=specials/sparse bs=1 seek=100 conv=notrunc status=none
rm -r names/deep
rm names/-rf
chmod 700 .
`
