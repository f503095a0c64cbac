/** Data for the changes below; two directories hold the same names. */
export const unchangedData = `
mkdir -p d/sub d/twin
echo content > d/file; echo neighbour > d/other; ln -s other d/link
for name in d/sub d/twin; do echo $name > $name/inside; done
setfacl -m u:1234:r d/file; setfattr -n user.colour -v red d/other
find . -exec touch -h -d '2020-01-01T00:00:00.000000001Z' {} +`

/** What somebody does in a tree of the store, by a shell script. */
export interface ForeignChange {
  script: string
  /** How a warning may name it; a name more or less is also a change of its directory. */
  named: readonly string[]
}

/** These reach every snapshot that shares the inode. */
export const changesOfInodes: Readonly<Record<string, ForeignChange>> = {
  'other content in a file': { script: 'echo foreign more > d/file', named: ['d/file'] },
  'other content of the same size': { script: 'echo FOREIGN > d/file', named: ['d/file'] },
  'another mode of a file': { script: 'chmod 606 d/file', named: ['d/file'] },
  'another owner of a file': { script: 'chown 12:34 d/file', named: ['d/file'] },
  'another time of a file': { script: 'touch d/file', named: ['d/file'] },
  'another owner of a symbolic link': { script: 'chown -h 12:34 d/link', named: ['d/link'] },
}

/** These are in one tree only. */
export const changesOfNames: Readonly<Record<string, ForeignChange>> = {
  'another file in the place of a file': {
    script: 'rm d/file; echo foreign > d/file',
    named: ['d/file'],
  },
  'a symbolic link in the place of a file': {
    script: 'ln -sf other d/file',
    named: ['d/file'],
  },
  'another target of a symbolic link': { script: 'ln -sf file d/link', named: ['d/link'] },
  'a directory in the place of a file': { script: 'rm d/file; mkdir d/file', named: ['d/file'] },
  'a link to a directory of the same names in the place of a directory': {
    script: 'rm -r d/sub; ln -s twin d/sub',
    named: ['d/sub'],
  },
  'a link to nothing in the place of a directory': {
    script: 'rm -r d/sub; ln -s nowhere d/sub',
    named: ['d/sub'],
  },
  'a file less': { script: 'rm d/file', named: ['d/file', 'd'] },
  'a file more': { script: 'echo foreign > d/added', named: ['d/added', 'd'] },
  'a directory less': { script: 'rm -r d/sub', named: ['d/sub', 'd'] },
  'a directory more': { script: 'mkdir d/added', named: ['d/added', 'd'] },
  'nothing left': { script: 'find . -mindepth 1 -delete', named: ['d', '.', ''] },
  'another mode of a directory': { script: 'chmod 700 d/sub', named: ['d/sub'] },
}
