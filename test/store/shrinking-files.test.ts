import { join } from 'node:path'
import { expect } from 'chai'
import { type Daemon, type Finished, lastDocumentOf, launchProgram } from '../support/cli.ts'
import { howOften, describeSample } from '../support/sample.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

const firstSnapshots = howOften(4, 2)
const laterSnapshots = howOften(7, 4)

/** Some of each are there from the beginning, and nobody touches what is in `still`. */
const fill = `
mkdir -p large small deep/still still
for number in $(seq 8); do head -c 4M /dev/urandom > large/$number; done
for number in $(seq 40); do
  echo $number > still/$number
  echo $number > deep/still/$number
done
head -c 3M /dev/urandom > still/large
ln still/1 deep/still/linked
setfacl -m u:1234:r still/2
setfattr -n user.colour -v blue still/3`

/** Each ends with the process that started it. */
const untilOrphaned = `
import os
parent = os.getppid()
def rounds():
    number = 0
    while os.getppid() == parent:
        number += 1
        if number == 100:
            print('busy', flush=True)
        yield number
`

const writers = {
  'are truncated and filled again': `${untilOrphaned}
block = b'x' * 65536
for number in rounds():
    with open('large/%d' % (number % 8 + 1), 'r+b') as file:
        file.truncate(number % 3 * 1000)
        for _ in range(number * 7 % 64):
            file.write(block)`,
  vanish: `${untilOrphaned}
for number in rounds():
    for name in range(number, number + 40):
        path = 'small/%d' % (name % 500)
        try:
            os.unlink(path)
        except FileNotFoundError:
            with open(path, 'w') as file:
                file.write('small')`,
  'are renamed, and other files moved over them': `${untilOrphaned}
for number in rounds():
    for name in range(number, number + 40):
        path = 'small/%d' % (name % 500)
        with open(path + '.new', 'w') as file:
            file.write('x' * (name % 9000))
        os.rename(path + '.new', path)
        if name % 3 == 0:
            os.rename(path, 'large/%d' % (name % 500 + 100))`,
  'get names and lose them, and vanish with their directory': `${untilOrphaned}
import shutil
for number in rounds():
    path = 'small/%d' % (number % 50)
    if os.path.isdir(path):
        shutil.rmtree(path)
        continue
    os.mkdir(path)
    for name in ('1', '2', '3'):
        with open(path + '/' + name, 'w') as file:
            file.write(name)
    os.link(path + '/1', path + '/linked')
    os.symlink('1', path + '/symlink')
    os.setxattr(path + '/2', 'user.colour', b'red')
    os.unlink(path + '/1')`,
  'become directories, links and pipes, and files again': `${untilOrphaned}
import shutil
for number in rounds():
    path = 'small/%d' % (number * 7 % 50)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
    kind = number % 4
    if kind == 0:
        os.mkdir(path)
        with open(path + '/inside', 'w') as file:
            file.write('inside')
    elif kind == 1:
        os.symlink('../still', path)
    elif kind == 2:
        os.mkfifo(path)
    else:
        with open(path, 'w') as file:
            file.write('x' * 20000)`,
}

interface Warning {
  code: string
  message: string
  paths?: string[]
}

/** Whether the writer meets a snapshot at all is chance. */
function expectWarningsThatName(finished: Finished): void {
  const output = finished.stdout + finished.stderr
  expect([0, 3], output).to.include(finished.exitCode)
  const { snapshot } = lastDocumentOf(finished) as { snapshot: { warnings: Warning[] } }
  const warnings = snapshot.warnings.filter(({ code }) => code !== 'clock')
  for (const { code, paths = [] } of warnings) {
    expect(['vanished', 'moving'], output).to.include(code)
    expect(paths, output).to.not.have.length(0)
    for (const path of paths) expect(path).to.match(/^(large|small)\//)
  }
}

describeSample({ tests: 4 }, 'While files', function () {
  this.timeout(120_000)

  let store: TestStore
  let writer: Daemon

  afterEach(async () => {
    await writer?.stop()
    await store?.remove()
  })

  async function fillStore(): Promise<void> {
    store = await makeStore({ env: { SNAP_ENGINE: 'link', SNAP_MAX: '3', SNAP_CHANGE_LIMIT: '0' } })
    await shellIn(store.data, fill)
  }

  async function startWriter(program: string): Promise<void> {
    writer = launchProgram(['python3', '-c', program], { cwd: store.data })
    await writer.line(/^busy$/)
  }

  async function expectGoodSnapshot(): Promise<void> {
    const finished = await store.run(['snapshot', '--json'])
    expectWarningsThatName(finished)
    const name = store.snapshotNames().at(-1) ?? ''
    for (const still of ['still', 'deep']) {
      const differences = compareTrees(
        walkTree(join(store.data, still)),
        walkTree(join(store.dataIn(name), still)),
      )
      expect(differences, finished.stdout).to.deep.equal([])
    }
  }

  for (const [what, program] of Object.entries(writers)) {
    it(`${what}, first snapshots are taken`, async () => {
      for (let count = 0; count < firstSnapshots; count += 1) {
        await fillStore()
        await startWriter(program)
        await expectGoodSnapshot()
        await writer.stop()
        await store.remove()
      }
    })

    it(`${what}, snapshots after the first are taken, and a quiet one is equal to the source`, async () => {
      await fillStore()
      await startWriter(program)
      for (let count = 0; count < laterSnapshots; count += 1) await expectGoodSnapshot()
      await writer.stop()
      const name = await store.snapshot()
      expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
    })
  }
})
