/**
 * What the owner of a directory does in it while a restore works there. Each program takes the
 * directory outside of the volume and the names that the restore makes. `own` outside is a file of
 * his; its inode stays his evidence.
 */
const give = String.raw`
  my ($outside, @names) = @ARGV;
  open my $own, '<', "$outside/own" or die $!;
  my $content = do { local $/; <$own> };
  my (@kept, $count);
  sub watched {
    my ($file) = @_;
    push @kept, $file;
    return if @kept < 400;
    my ($mode, $owner) = (stat shift @kept)[2, 4];
    printf "a file of his has owner %d and mode %o\n", $owner, $mode & 07777 if $owner != $>;
  }
  END { watched($own) for 1 .. 400 }
  # a new file, or another name of one that he has outside
  sub give {
    my ($path, $from) = @_;
    if ($from ne '') {
      link $from, 'given' or return;
    } else {
      sysopen my $file, 'given', O_WRONLY | O_CREAT | O_TRUNC, 0755 or return;
      syswrite $file, $content;
      watched($file);
    }
    rename 'given', $path or unlink 'given';
    unlink 'given';
  }
`

/**
 * He renames files of his over the names, and over whatever is being made beside them under a
 * hidden name.
 */
export const renamesFiles = String.raw`${give}
  my @sources = ("$outside/own", '', "$outside/good");
  print "begun\n";
  while (goes_on()) {
    select undef, undef, undef, 0.0003;
    for my $name (@names) {
      give($name, $sources[$count++ % @sources]);
      opendir my $here, '.' or next;
      for my $hidden (grep { /^\.[^.]/ } readdir $here) {
        if (-d $hidden) { rename $hidden, "moved.$count" } else { give($hidden, "$outside/own") }
      }
    }
  }
`

/** He makes the names into names of files that lie outside: his own, and one of somebody else. */
export const linksFiles = String.raw`${give}
  my @sources = ("$outside/own", "$outside/theirs");
  print "begun\n";
  while (goes_on()) {
    select undef, undef, undef, 0.0003;
    for my $name (@names) {
      unlink $name;
      link $sources[$count++ % @sources], $name;
    }
  }
`

/** He moves each directory away and puts a file, or a directory of his, into its place. */
export const replacesDirectories = String.raw`${give}
  print "begun\n";
  while (goes_on()) {
    select undef, undef, undef, 0.0003;
    for my $name (@names) {
      $count++;
      unlink "$name/program", $name;
      rmdir $name or rename $name, "moved.$count";
      if ($count % 3 == 0) {
        mkdir 'mine';
        link "$outside/own", 'mine/program';
        rename 'mine', $name;
      } else {
        give($name, $count % 3 == 1 ? "$outside/own" : '');
      }
    }
  }
`

/**
 * He holds a lease on a file and does not give it back when he is asked to (fcntl(2), F_SETLEASE
 * and F_WRLCK).
 */
export const holdsLease = String.raw`
  $SIG{IO} = 'IGNORE';
  sysopen my $file, $ARGV[0], O_RDWR or die $!;
  fcntl $file, 1024, 1 or die "no lease: $!";
  print "begun\n";
  select undef, undef, undef, 0.05 while goes_on();
`

/** He puts a symlink into the place of a directory, and the directory back, again and again. */
export const switchesReleases = String.raw`
  print "begun\n";
  while (goes_on()) {
    rename 'current', 'old';
    symlink 'release2', 'current';
    select undef, undef, undef, rand() / 500;
    unlink 'current';
    rename 'old', 'current';
    select undef, undef, undef, rand() / 500;
  }
`

/** inotify_init1(2) and inotify_add_watch(2) by number, because perl knows them by no other. */
const inotifyCalls: Partial<Record<NodeJS.Architecture, string>> = {
  x64: '294 254',
  arm64: '26 27',
}
const [beginToWatch, addWatch] = (inotifyCalls[process.arch] ?? '0 0').split(' ')

/**
 * He exchanges two names and back when a second begins, so that both have the ctime of that second.
 * When somebody opens a file in the first one, he does so again: in the same second no ctime of
 * whole seconds tells of it.
 */
export const exchangesWhenOpened = String.raw`
  use Time::HiRes 'time';
  my ($call, $one, $other) = @ARGV;
  my $exchange = sub { syscall($call + 0, -100, $one, -100, $other, 2) };
  my $watched = syscall(${beginToWatch}, 2048);
  open my $events, '<&=', $watched or die $!;
  # IN_OPEN (inotify(7))
  syscall(${addWatch}, $watched, $one, 0x20) > 0 or die $!;
  sub is_file_opened {
    my ($is_opened, $read) = (0);
    while (sysread $events, $read, 65536) {
      while (length $read) {
        my (undef, $mask, undef, $length) = unpack 'iIII', $read;
        substr $read, 0, 16 + $length, '';
        $is_opened = 1 if !($mask & 0x40000000);
      }
    }
    $is_opened
  }
  print "begun\n";
  my $second = 0;
  while (goes_on()) {
    if (int time != $second) {
      $second = int time;
      $exchange->() == 0 and $exchange->();
    }
    if (is_file_opened()) {
      $exchange->();
      select undef, undef, undef, 0.02 + rand() / 5;
      $exchange->();
      is_file_opened();
    }
    select undef, undef, undef, 0.0005;
  }
`
