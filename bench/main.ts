import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, release } from 'node:os'
import { join, resolve } from 'node:path'
import type { LoopOptions } from '../test/support/loop-filesystem.ts'
import { UsageError, exitCodes, messageOf } from '../src/errors.ts'
import { commandRunner, discard } from './command.ts'
import { formatCount } from './figures.ts'
import { onFilesystem } from './filesystem.ts'
import { type Options, parseOptions, scenarioNames } from './options.ts'
import {
  type Circumstances,
  type Finding,
  describeCircumstances,
  formatFinding,
  formatJson,
  formatPage,
  readFindings,
  replaceFindings,
} from './report.ts'
import { scenarios } from './scenarios/index.ts'
import { drawChart } from './svg.ts'
import { makeTree } from './tree.ts'
import { readVersions } from './versions.ts'

const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => interruption.abort())
}

try {
  await runBenchmark(parseOptions(process.argv.slice(2)), interruption.signal)
} catch (error) {
  const isInterrupted = interruption.signal.aborted
  say(isInterrupted ? 'interrupted' : messageOf(error))
  process.exitCode = isInterrupted
    ? exitCodes.interrupted
    : error instanceof UsageError
      ? exitCodes.usage
      : exitCodes.failed
}

async function runBenchmark(options: Options, signal: AbortSignal): Promise<void> {
  const { files, runs, output } = options
  await onFilesystem('ext4', roomFor(options), async ({ path }) => {
    const scratch = join(path, 'scratch')
    await mkdir(scratch)
    const run = commandRunner(scratch, signal)
    const circumstances: Circumstances = {
      date: new Date().toISOString(),
      versions: await readVersions(run),
      kernel: release(),
      cores: availableParallelism(),
      files,
      runs,
    }
    process.stdout.write(`${describeCircumstances(circumstances)}\n`)
    const older = await readOlder(options, circumstances)
    say(`making ${formatCount(files)} files`)
    const tree = await makeTree(join(path, 'source'), files, signal)

    const findings: Finding[] = []
    for (const scenario of options.scenarios) {
      const home = join(path, scenario)
      await mkdir(home)
      await forgetPaths()
      const sayWhere = (line: string): void => say(`${scenario}: ${line}`)
      const bench = { fileCount: files, runs, tree, home, run, signal, say: sayWhere }
      for (const figures of await scenarios[scenario](bench)) {
        const finding = { scenario, date: circumstances.date, ...figures }
        process.stdout.write(formatFinding(finding))
        findings.push(finding)
      }
      await discard(run, home)
    }
    if (output === undefined) return
    await mkdir(output, { recursive: true })
    const all = replaceFindings(older, findings)
    await writeFile(join(output, 'bench.json'), formatJson(circumstances, all))
    await writeFile(join(output, 'bench.svg'), drawChart(all, captionOf(circumstances)))
    await writeFile(join(output, 'speed.md'), formatPage(circumstances, all))
    say(`wrote bench.json, bench.svg and speed.md to ${resolve(output)}`)
  })
}

/** Short enough for the chart. */
function captionOf({ files, runs, cores, versions, date }: Circumstances): string {
  return `${formatCount(files)} files on ext4, ${cores} cores, rsync ${versions['rsync']}, medians of ${runs}; ${date.slice(0, 10)}`
}

/** What the report has that a part of the scenarios will be put into. */
async function readOlder(
  { output, scenarios: measured }: Options,
  circumstances: Circumstances,
): Promise<Finding[]> {
  const isWhole = measured.length === scenarioNames.length
  if (isWhole || output === undefined) return []
  const report = join(output, 'bench.json')
  return existsSync(report) ? readFindings(await readFile(report, 'utf8'), circumstances) : []
}

/** The file behind it is sparse: only what is written takes space. */
function roomFor({ files, runs }: Options): Pick<LoopOptions, 'sizeMiB' | 'inodes'> {
  const bytesEachFile = 120_000 + runs * 2000
  return {
    sizeMiB: 1024 + Math.ceil((files * bytesEachFile) / 1024 / 1024),
    inodes: 20_000 + files * (12 + runs),
  }
}

/**
 * Millions of names that the kernel remembers of the scenario before slow the next one down; each
 * has its warm-up.
 */
async function forgetPaths(): Promise<void> {
  const namesAndInodes = '2'
  // not in a container
  await writeFile('/proc/sys/vm/drop_caches', namesAndInodes).catch(() => undefined)
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
