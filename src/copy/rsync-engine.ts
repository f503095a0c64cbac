import type { RecordWarning } from '../store/record.ts'
import { openDirectory } from '../system/directory-handle.ts'
import type {
  CopyEngine,
  RestoreAction,
  RestoreCounts,
  RestoreRequest,
  RestoreStep,
  SnapshotCopy,
  SnapshotRequest,
} from './engine.ts'
import { findForeignLinks, findMergedNames } from './link-groups.ts'
import { rsync } from './rsync-command.ts'
import { readProgress, statistic, vanishedPaths } from './rsync-output.ts'
import { surveyTree } from './survey.ts'
import { unlinkBelow } from './tree-path.ts'

const mostNamedPaths = 100

/** rsync itself does it all: the reference that other engines are held against. */
export const rsyncEngine: CopyEngine = {
  name: 'rsync',
  snapshot: snapshotByRsync,
  planRestore: planRestoreByRsync,
  restore: restoreByRsync,
}

async function snapshotByRsync(request: SnapshotRequest): Promise<SnapshotCopy> {
  const { source, target, base, checksum, lockDescriptor, signal, onProgress } = request
  const { stderr } = await rsync(
    [
      '--info=progress2',
      ...(checksum ? ['--checksum'] : []),
      ...(base === undefined ? [] : [`--link-dest=${base}`]),
      '--',
      './',
      `${target}/`,
    ],
    { cwd: source.cwd, lockDescriptor, signal, onOutput: readProgress(onProgress) },
  )
  const staged = openDirectory(target)
  try {
    await separateMergedNames(request, staged.here)
    return {
      survey: await surveyTree(staged.here, signal),
      warnings: warnOfVanished(vanishedPaths(stderr)),
    }
  } finally {
    staged.close()
  }
}

/** Copies anew what `--link-dest` gave one inode although the source has several. */
async function separateMergedNames(request: SnapshotRequest, staged: string): Promise<void> {
  if (request.base === undefined) return
  const merged = findMergedNames(request.source.here, await surveyTree(staged, request.signal))
  if (merged.length === 0) return
  // first, because rsync changes attributes of an existing file in place, and the base shares it
  for (const path of merged) unlinkBelow(staged, path)
  await rsync(['--files-from=-', '--from0', '--', './', `${request.target}/`], {
    cwd: request.source.cwd,
    lockDescriptor: request.lockDescriptor,
    signal: request.signal,
    input: Buffer.concat(merged.flatMap((path) => [path, Buffer.of(0)])),
  })
  // unlinking may have changed the time of the root; named in a list, it would bring its contents along
  await rsync(['--exclude=*', '--', './', `${request.target}/`], {
    cwd: request.source.cwd,
    lockDescriptor: request.lockDescriptor,
    signal: request.signal,
  })
}

function warnOfVanished(paths: readonly string[]): RecordWarning[] {
  if (paths.length === 0) return []
  return [
    {
      code: 'vanished',
      message: `${paths.length} files vanished while they were read`,
      paths: paths.slice(0, mostNamedPaths),
    },
  ]
}

async function restoreByRsync(request: RestoreRequest): Promise<RestoreCounts> {
  const { source, target, signal, onProgress } = request
  const foreign = findForeignLinks(
    await surveyTree(source.here, signal),
    await surveyTree(target.here, signal),
  )
  for (const path of foreign) unlinkBelow(target.here, path)
  return countSteps(request, ['--info=progress2'], readProgress(onProgress), () => undefined)
}

async function planRestoreByRsync(
  request: RestoreRequest,
  onStep: (step: RestoreStep) => void,
): Promise<RestoreCounts> {
  return countSteps(request, ['--dry-run'], () => undefined, onStep)
}

/** Runs the restore, or its plan, and counts what it does by rsync's own list. */
async function countSteps(
  request: RestoreRequest,
  options: readonly string[],
  onOutput: (chunk: Buffer) => void,
  onStep: (step: RestoreStep) => void,
): Promise<RestoreCounts> {
  const counts = { create: 0, change: 0, attributes: 0, delete: 0 }
  const steps = readSteps((step) => {
    counts[step.action] += 1
    onStep(step)
  })
  const output = keepEnd((chunk) => {
    onOutput(chunk)
    steps(chunk)
  })
  await rsync([...options, '--out-format=%i %n%L', ...restoreArguments(request)], {
    cwd: request.target.cwd,
    lockDescriptor: request.lockDescriptor,
    signal: request.signal,
    onOutput: output.add,
  })
  return {
    created: counts.create,
    changed: counts.change,
    deleted: counts.delete,
    bytes: statistic(output.text(), 'Total transferred file size'),
  }
}

function restoreArguments({ source, checksum, except }: RestoreRequest): string[] {
  return [
    '--delete',
    ...(checksum ? ['--checksum'] : []),
    ...except.map((path) => `--exclude=/${escapePattern(path)}`),
    '--',
    `${source.path}/`,
    './',
  ]
}

/** A path as a filter pattern that matches nothing else (rsync(1), "PATTERN MATCHING RULES"). */
function escapePattern(path: string): string {
  return /[*?[]/.test(path) ? path.replace(/[\\*?[]/g, '\\$&') : path
}

/** Reads `--out-format=%i %n%L`; the item is eleven characters, or `*deleting`. */
function readSteps(onStep: (step: RestoreStep) => void) {
  let pending = ''
  return (chunk: Buffer): void => {
    const lines = (pending + chunk.toString()).split(/[\r\n]/)
    pending = lines.pop() ?? ''
    for (const line of lines) {
      const match = /^(\*deleting|[<>ch.][fdLDS]\S{9}) +(.+)$/.exec(line)
      if (match?.[1] === undefined || match[2] === undefined) continue
      onStep({ action: actionOf(match[1]), path: match[2] })
    }
  }
}

function actionOf(item: string): RestoreAction {
  if (item.startsWith('*deleting')) return 'delete'
  if (item.includes('+++++++++')) return 'create'
  return item.startsWith('.') ? 'attributes' : 'change'
}

/** Passes output on, and keeps its end, where `--stats` stands. */
function keepEnd(next: (chunk: Buffer) => void): {
  add: (chunk: Buffer) => void
  text: () => string
} {
  let end = ''
  return {
    add(chunk: Buffer): void {
      end = (end + chunk.toString('latin1')).slice(-8192)
      next(chunk)
    },
    text: () => end,
  }
}
