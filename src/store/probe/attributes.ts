import { spawn } from '../../system/spawn.ts'

const xattr = 'SCHILY.xattr.user.snap-volume'

/** What pax headers of star and GNU tar call them (tar(5) of libarchive: "SCHILY.acl.access"). */
const ofFile = (id: number): Record<string, string> => ({
  [xattr]: 'kept',
  'SCHILY.acl.access': `user::rw-\nuser:${id}:r--\ngroup::r--\nmask::r--\nother::---\n`,
})
const ofDirectory = (id: number): Record<string, string> => ({
  'SCHILY.acl.default': `user::rwx\nuser:${id}:rwx\ngroup::r-x\nmask::rwx\nother::---\n`,
})

export interface AttributeAbilities {
  xattrs: boolean
  acls: boolean
}

/**
 * Gives a file and a directory, which it makes in `home`, an extended attribute and ACLs for user
 * `id`, and reads them back; undefined where that cannot be done. Node has no calls for that. tar
 * has, which reads them as text from an archive: setfacl and setfattr are not in the image.
 */
export async function probeAttributes(
  home: string,
  id: number,
): Promise<AttributeAbilities | undefined> {
  const tar = `tar --xattrs --acls -C "$1"`
  const script = `${tar} -x; ${tar} -c attributes-file attributes-directory`
  const input = Buffer.concat([
    archiveEntry('attributes-file', '0', ofFile(id)),
    archiveEntry('attributes-directory/', '5', ofDirectory(id)),
    Buffer.alloc(2 * blockBytes),
  ])

  const { stdout, stderr } = await spawn('sh', ['-c', script, 'sh', home], { input })
  const isAble =
    stdout.includes('attributes-directory') &&
    !/not available|option|No space left|quota/.test(stderr)
  if (!isAble) return undefined

  return {
    xattrs: stdout.includes(`${xattr}=kept\n`),
    // the one of the file, and the default one of the directory; the user has a name where the
    // machine knows one
    acls: /^user:[^:\n]+:r--$/m.test(stdout) && /^user:[^:\n]+:rwx$/m.test(stdout),
  }
}

const blockBytes = 512

/** An empty file or a directory with such a header, in the format of pax(1). */
export function archiveEntry(
  name: string,
  type: '0' | '5',
  attributes: Readonly<Record<string, string>>,
): Buffer {
  const records = Buffer.from(
    Object.entries(attributes)
      .map(([key, value]) => paxRecord(` ${key}=${value}\n`))
      .join(''),
  )

  const padding = Buffer.alloc(-records.length & (blockBytes - 1))
  return Buffer.concat([
    tarHeader('attributes', 'x', records.length),
    records,
    padding,
    tarHeader(name, type, 0),
  ])
}

/** Begins with its own length, of which the digits count too. */
function paxRecord(text: string): string {
  const bytes = Buffer.byteLength(text)
  const digits = String(bytes + String(bytes).length).length
  return `${bytes + digits}${text}`
}

function tarHeader(name: string, type: string, bytes: number): Buffer {
  const header = Buffer.alloc(blockBytes)
  header.write(name, 0)
  header.write('0000700\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(`${bytes.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write(' '.repeat(8), 148)
  header.write(type, 156)
  header.write('ustar\x0000', 257)

  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}
