import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { randomOf, seed } from '../crash/support/random.ts'
import { shellIn } from '../support/shell.ts'
import { howOften } from '../support/sample.ts'
import { useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { archivesIn, exportTo, runRestoreScript, useDirectory } from './support/archives.ts'

const tamperer = fileURLToPath(new URL('support/tamper.py', import.meta.url))

/** Archives that come alone, and what is said of them by import and by restore.sh. */
const ofFull: [what: string, byImport: RegExp, byScript: RegExp][] = [
  ['absolute', /leads out/, /leads out/],
  ['above', /leads out/, /leads out/],
  ['another', /before the directory|not in data/, /not in data/],
  ['link-then-through', /before the directory/, /is in no directory/],
  ['through-link-of-base', /before the directory/, /is in no directory/],
  ['hard-link-out', /hard link to what is no file/, /link that leads out/],
  ['hard-link-through', /hard link to what is no file/, /link that leads out/],
  ['twice', /is there twice/, /is there twice/],
  ['device', /is a device file.*--devices/, /is a device file.*--devices/],
  ['own-late', /is there twice|does not belong/, /does not belong|is there twice/],
  ['bomb', /more than the archive announces/, /not what was exported/],
  ['flood', /more than the archive announces/, /not what was exported/],
]

/** Increments whose lists lead elsewhere, by a link that the base has. */
const ofIncrement: [what: string, problem: RegExp][] = [
  ['through-link-of-base', /before the directory|is in no directory/],
  ['hard-link-through', /hard link to what is no file|link that leads out/],
  ['deletes-through-link', /behind a symbolic link/],
  ['deletes-above', /leads out/],
  ['links-through-link', /behind a symbolic link/],
  ['links-into-link', /behind a symbolic link/],
  ['patches-through-link', /behind a symbolic link/],
  ['remakes-through-link', /no directory way/],
  ['removes-socket-above', /leads out/],
  ['aliases-through-link', /behind a symbolic link/],
]

function tamper(archive: string, what: string, outside: string): void {
  rmSync(`${archive}.sha256`, { force: true })
  const tar = execFileSync('zstd', ['-dcq', archive])
  const changed = execFileSync('python3', [tamperer, what, outside], {
    input: tar,
    maxBuffer: 1024 ** 3,
  })
  writeFileSync(archive, execFileSync('zstd', ['-q', '-c'], { input: changed }))
}

describe('A hostile archive', function () {
  this.timeout(120_000)
  const store = useStore()
  const other = useStore()
  const out = useDirectory()

  /** A full archive and an increment, and what nobody may touch. */
  async function prepare(): Promise<{ full: string; increment: string; outside: string }> {
    const outside = join(out.path, 'outside')
    mkdirSync(outside)
    writeFileSync(join(outside, 'secret'), 'secret\n')
    await shellIn(store.data, `ln -s ${outside} way; echo kept > kept`)
    const one = await store.snapshot()
    await shellIn(store.data, 'echo new > new-file')
    const two = await store.snapshot()
    await exportTo(store, out.path, one)
    await exportTo(store, out.path, two, '--since', one)
    const [full = '', increment = ''] = archivesIn(out.path)
    return { full, increment, outside }
  }

  async function expectRefused(
    archives: readonly string[],
    [byImport, byScript]: readonly [RegExp, RegExp],
    { before = [] as readonly string[] } = {},
  ): Promise<void> {
    const untouched = [walkTree(join(out.path, 'outside')), other.published()] as const
    const imported = await other.run(['import', ...archives])
    expect(imported.exitCode, imported.stdout).to.equal(1)
    expect(imported.stderr)
      .to.match(byImport)
      .and.not.match(/not foreseen/)
    expect(other.leftIn('staging')).to.deep.equal([])
    expect(compareTrees(untouched[1], other.published())).to.deep.equal([])

    const target = join(out.path, 'target')
    const restored = runRestoreScript(out.path, [...before, ...archives, target])
    expect(restored.exitCode, restored.stdout).not.to.equal(0)
    expect(restored.stderr).to.match(byScript)
    expect(compareTrees(untouched[0], walkTree(join(out.path, 'outside')))).to.deep.equal([])
    const names = readdirSync(out.path)
    expect(names.filter((name) => name === 'target' || name.startsWith('.'))).to.deep.equal([])
    expect(readdirSync('/tmp')).not.to.include('snap-escaped')
  }

  it('that is whole is refused, whatever it tries, and nothing outside is touched', async () => {
    const { full, outside } = await prepare()
    const good = readFileSync(full)
    for (const [what, byImport, byScript] of ofFull) {
      writeFileSync(full, good)
      tamper(full, what, outside)
      try {
        await expectRefused([full], [byImport, byScript])
      } catch (error) {
        throw new Error(`${what}: ${String(error)}`, { cause: error })
      }
    }
  })

  it('that is an increment is refused, whatever it tries', async () => {
    const { full, increment, outside } = await prepare()
    expect((await other.run(['import', full])).exitCode).to.equal(0)
    const good = readFileSync(increment)
    for (const [what, problem] of ofIncrement) {
      writeFileSync(increment, good)
      tamper(increment, what, outside)
      try {
        await expectRefused([increment], [problem, problem], { before: [full] })
      } catch (error) {
        throw new Error(`${what}: ${String(error)}`, { cause: error })
      }
    }
  })

  it(`that is cut off, or has a bit that flipped, is refused (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
    const { full } = await prepare()
    const good = readFileSync(full)
    const random = randomOf('bits')
    for (let count = 0; count < howOften(40, 4); count += 1) {
      const damaged = Buffer.from(good)
      const at = Math.floor(random() * good.length)
      damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random() * 8))
      const content = count % 2 === 0 ? damaged : good.subarray(0, at)
      writeFileSync(full, content)
      // such as one in the size of a window, which changes nothing
      if (spawnSync('zstd', ['-tq', full]).status === 0) continue
      const said = new RegExp('damaged, as .*sha256')
      await expectRefused([full], [said, said])
      const checksum = readFileSync(`${full}.sha256`)
      rmSync(`${full}.sha256`)
      await expectRefused([full], [/is refused/, /damaged/])
      writeFileSync(`${full}.sha256`, checksum)
    }
  })
})
