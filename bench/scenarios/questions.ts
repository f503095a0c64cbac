import { rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { storeLayout } from '../../src/store/layout.ts'
import { programFile } from '../../test/support/cli.ts'
import type { Bench, Scenario } from '../bench.ts'
import { makeStore } from '../contenders/make-store.ts'
import { isTooMany } from '../contenders/peers.ts'
import { restic, resticEnvironment } from '../contenders/restic.ts'
import { snapVolume } from '../contenders/snap-volume.ts'
import { type Figures, formatCount, secondsOf } from '../figures.ts'
import { type Contender, measure } from '../measure.ts'
import { changeContents } from '../mutate.ts'

const snapshotCount = 128
/** restic reads a repository of few as fast as one of many. */
const resticCount = 2

/** What people ask a store of many snapshots, of which each has 1 % of new files. */
export const questions: Scenario = async (bench) => {
  const { run, home, tree } = bench
  const store = await makeStore(home, snapVolume(run, tree.root))
  const repository = isTooMany(bench) ? undefined : await makeStore(home, restic(run, tree.root))
  for (let taken = 1; taken <= snapshotCount; taken += 1) {
    if (taken % 16 === 0) bench.say(`snapshot ${taken} of ${snapshotCount}`)
    await changeContents(tree)
    await store.prepare?.()
    await store.snapshot()
    if (taken > snapshotCount - resticCount) await repository?.snapshot()
  }

  const directory = join(home, 'snap-volume/store')
  const own = storeLayout(directory)
  const ask = (name: string, words: string[], prepare?: () => Promise<void>): Contender => ({
    name,
    prepare,
    run: async () => {
      await run([process.execPath, programFile, ...words], { env: { SNAP_DIR: directory } })
    },
  })
  const program = (name: string, words: string[]): Contender => ({
    name,
    run: async () => void (await run(words)),
  })
  const env = resticEnvironment(join(home, 'restic'))
  const askRestic = (words: string[]): Contender[] => {
    if (repository === undefined) return []
    return [
      {
        name: `restic ${words[0] ?? ''}`,
        run: async () => void (await run(['restic', ...words], { env })),
      },
    ]
  }

  const [older = '', newer = ''] = store.snapshots().slice(-2)
  const file = relative(tree.root, tree.files[0] ?? '')
  const ids = repository === undefined ? [] : await resticIds(bench, env)
  const of = `${snapshotCount} snapshots of ${formatCount(bench.fileCount)} files`
  const table = async (title: string, contenders: Contender[]): Promise<Figures> =>
    secondsOf(`${title}, ${of}`, await measure(bench, contenders))

  return [
    await table('show', [ask('snap-volume show', ['show'])]),
    await table('what changed between neighbours', [
      ask('snap-volume diff', ['diff', 'latest~1', 'latest', '--stat']),
      program('diff -rq', ['sh', '-c', sameOrNot, older, newer]),
      ...askRestic(['diff', ...ids]),
    ]),
    await table('the versions of a file', [
      ask('snap-volume history', ['history', `data:${file}`]),
      program('find in all snapshots', ['find', directory, '-path', `*/data/${file}`, '-ls']),
      ...askRestic(['find', file]),
    ]),
    await table('what removing snapshots gives back', [
      ask('snap-volume usage, the first time', ['usage'], async () => {
        await rm(own.usageCache, { force: true })
      }),
      ask('snap-volume usage, again', ['usage']),
      program('du of all snapshots', ['du', '-s', directory]),
    ]),
    await table('whether the newest snapshot is what it was', [
      ask('snap-volume verify, the first time', ['verify', 'latest'], async () => {
        await rm(own.manifests, { recursive: true, force: true })
        await rm(own.digests, { force: true })
      }),
      ask('snap-volume verify, again', ['verify', 'latest']),
      program('sha256sum of all files', [
        'sh',
        '-c',
        'find "$0" -type f -print0 | xargs -0 sha256sum >/dev/null',
        newer,
      ]),
    ]),
  ]
}

/** It ends with 1 where something differs. */
const sameOrNot = 'diff -rq --no-dereference "$0" "$1" || test $? = 1'

async function resticIds({ run }: Bench, env: Record<string, string>): Promise<string[]> {
  const listed = await run(['restic', 'snapshots', '--json'], { env })
  return (JSON.parse(listed) as { id: string }[]).map(({ id }) => id)
}
