/** What happens to data between two snapshots, each in a directory of its own. */
export interface Move {
  grow: string
  change: string
  /** Old and new paths, of files or of whole directories, whose files stay what they are. */
  moved?: readonly (readonly [from: string, to: string])[]
  /** Files that are others afterwards, although they look like ones that were there. */
  copied?: readonly string[]
}

/**
 * All of one size and time, so that only the inode and the content tell which is which; 300 are
 * enough to move them as a whole.
 */
const growFiles = (directory: string, files = 40): string => `
mkdir -p ${directory}
(cd ${directory}; seq 100 ${99 + files} | split -l 1 -a 3 -d - file; touch -d 2020-01-01 file*; chown 12:34 file*
chmod 640 file00*; setfacl -m u:1234:rw file01*; setfattr -n user.colour -v red file02*)
`

/** After these nothing is new but directories. */
export const pureMoves: Readonly<Record<string, Move>> = {
  'a directory that was renamed': {
    grow: growFiles('a', 300),
    change: 'mv a b',
    moved: [['a', 'b']],
  },
  'a directory that was renamed with those below it': {
    grow: growFiles('a/deep/deeper', 300) + growFiles('a/deep'),
    change: 'mv a b',
    moved: [
      ['a/deep', 'b/deep'],
      ['a/deep/deeper', 'b/deep/deeper'],
    ],
  },
  'a directory that was moved into another one': {
    grow: `${growFiles('a', 300)} mkdir -p other/place`,
    change: 'mv a other/place',
    moved: [['a', 'other/place/a']],
  },
  'a directory that was moved out of one that was renamed': {
    grow: growFiles('a') + growFiles('a/inner'),
    change: 'mv a/inner b; mv a c',
    moved: [
      ['a/inner', 'b'],
      ['a', 'c'],
    ],
  },
  'two directories that were swapped': {
    grow: `${growFiles('a', 300)} mkdir b; seq 500 799 | (cd b; split -l 1 -a 3 -d - file; touch -d 2020-01-01 file*)`,
    change: 'mv a t; mv b a; mv t b',
    moved: [
      ['a', 'b'],
      ['b', 'a'],
    ],
  },
  'a directory that was renamed and has other attributes': {
    grow: growFiles('a'),
    change:
      'mv a b; chown 5:6 b; chmod 2751 b; setfacl -m d:u:1234:rwx b; setfattr -n user.k -v v b',
    moved: [['a', 'b']],
  },
  'a link group in a directory that was renamed': {
    grow: `${growFiles('a')} mkdir other; ln a/file001 a/second; ln a/file002 other/linked`,
    change: 'mv a b',
    moved: [
      ['a/file001', 'b/file001'],
      ['a/second', 'b/second'],
      ['a/file002', 'b/file002'],
      ['other/linked', 'other/linked'],
    ],
  },
  'a file that was renamed': {
    grow: growFiles('a'),
    change: 'mv a/file015 a/renamed; mkdir other; mv a/file025 other',
    moved: [
      ['a/file015', 'a/renamed'],
      ['a/file025', 'other/file025'],
    ],
  },
  'two files that were swapped': {
    grow: growFiles('a'),
    change: 'cd a; mv file031 t; mv file032 file031; mv t file032',
    moved: [
      ['a/file031', 'a/file032'],
      ['a/file032', 'a/file031'],
    ],
  },
}

/** As `printf` does, without a new size or time. */
const editInPlace = (file: string): string =>
  `touch -r ${file} ../reference; printf X | dd of=${file} conv=notrunc status=none; touch -r ../reference ${file}; rm ../reference`

/** After these there is a file more to copy for each that is named as copied. */
export const movesWithEdits: Readonly<Record<string, Move>> = {
  'logs that were rotated': {
    grow: 'for log in app.log app.log.1; do echo $log > $log; done',
    change: 'mv app.log.1 app.log.2; mv app.log app.log.1; echo new > app.log',
    moved: [
      ['app.log', 'app.log.1'],
      ['app.log.1', 'app.log.2'],
    ],
    copied: ['app.log'],
  },
  'a directory that was renamed, with one file that was edited': {
    grow: growFiles('a'),
    change: `mv a b; ${editInPlace('b/file030')}`,
    moved: [['a/file031', 'b/file031']],
    copied: ['b/file030'],
  },
  'files that were renamed and edited, keeping size and time': {
    grow: growFiles('a'),
    change: `mv a/file030 a/x; ${editInPlace('a/x')}`,
    copied: ['a/x'],
  },
  'files that were renamed and have other attributes': {
    grow: growFiles('a'),
    change: `cd a; for name in 1 2 3 4 5 6 7; do mv file03$name x$name; done
      chmod 600 x1; chown 7:8 x2; setfacl -m u:99:r x3; setfattr -n user.k -v v x4; touch x5
      mv file010 x8; setfacl -b x8; mv file020 x9; setfattr -x user.colour x9`,
    moved: [['a/file036', 'a/x6']],
    copied: ['a/x1', 'a/x2', 'a/x3', 'a/x4', 'a/x5', 'a/x8', 'a/x9'],
  },
  'a directory that was renamed, with other files of the old names': {
    grow: growFiles('a'),
    change:
      'mv a b; mkdir a; for name in 1 2 3; do echo 99$name > a/file03$name; done; touch -d 2020-01-01 a/*',
    moved: [['a', 'b']],
    copied: ['a/file031', 'a/file032', 'a/file033'],
  },
}
