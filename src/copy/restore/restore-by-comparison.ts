import type { RecordWarning } from '../../store/record.ts'
import { type BytePath, bytePath, parentOf } from '../../tree/byte-path.ts'
import { identifyMount } from '../../system/mounted-filesystem.ts'
import { restoreDirectories } from './directory-attributes.ts'
import type { PlannedRestore, RestoreRequest, RestoreStep } from '../engine.ts'
import { yielding } from '../../tree/yielding.ts'
import { openKnowledge } from '../index/knowledge.ts'
import { LeftOutAttributes } from '../left-out-attributes.ts'
import { assertLinksApart } from '../../tree/links-apart.ts'
import { LiveTree } from './live-tree.ts'
import { type EntryLists, makeEntries, noEntries } from './make-entries.ts'
import { PrivateDirectory } from '../../tree/private-directory.ts'
import { removeEntries } from '../../tree/remove-entry.ts'
import { type RestorePlan, planRestore } from './plan-by-comparison.ts'
import { type Unit, freeBytes, planSpace } from './space.ts'
import type { RsyncTrees } from '../programs/copy-listed.ts'
import { readProgress } from '../programs/rsync-output.ts'
import { eachPath } from '../../tree/path-list.ts'
import { TreeReader } from '../../tree/tree-reader.ts'
import { warnOfPaths } from '../warnings.ts'

/**
 * Makes live data equal to a snapshot, touching only what is not provably equal already
 * (copy/index/proof.ts). docs/internals/restore.md says what a crash leaves:
 *
 * 1. compare: what differs is the plan
 * 2. what the snapshot does not have is taken out of the live data
 * 3. what differs is made whole, contents and attributes, in a private directory on the live
 *    filesystem: like a snapshot in staging, by the same programs
 * 4. each entry gets its place by one rename; a new directory with all that is in it
 * 5. directories get their attributes, through open descriptors
 *
 * Throws OperationError where what is restored has no room, before anything changes.
 */
export async function planByComparison(
  request: RestoreRequest,
  onStep?: (step: RestoreStep) => void,
): Promise<PlannedRestore> {
  const plan = await planRestore(request, onStep)
  const units = await planSpace(request, plan)

  return {
    counts: plan.counts,
    warnings: [
      ...warnOfPaths(
        'history-changed',
        'of this snapshot {was|were} changed by somebody after it was taken; the live data have what it had, and keep it',
        plan.historyChanged,
      ),
      ...warnOfPaths(
        'excluded',
        'of this snapshot {is|are} left out by SNAP_EXCLUDE now, and the live data stay as they are there: copy what you need out of the snapshot',
        plan.leftAlone.filter((path) => !request.unreadable.has(path)),
      ),
      ...warnOfPaths(
        'other-type',
        'of this snapshot {is|are} left out, because the live data have something else there, a directory in the place of a file or a file in that of a directory: move {it|them} away and restore again, or leave out --keep-newer and --no-delete',
        plan.otherType,
      ),
      ...warnOfPaths(
        'unreadable',
        'could not be read when this snapshot or the one of the live data was taken, and {stays as it is|stay as they are}: to have {it|them} restored, move {it|them} away',
        [...request.unreadable],
      ),
      ...plan.leftOut.warnings(),
    ],
    testWrites: async () => {
      if (plan.makesLinks) await assertLinksApart(request.target)
    },
    apply: async () => {
      if (isNothing(plan)) return []
      const refused = new LeftOutAttributes()
      const warnings = await applyPlan({ ...request, leftOut: refused }, plan, units)
      return [...warnings, ...refused.warnings()]
    },
  }
}

function isNothing({ remove, make, directories }: RestorePlan): boolean {
  const made = make.directories.count + make.files.count + make.linked.count
  return remove.length + made + directories.size === 0
}

async function applyPlan(
  request: RestoreRequest,
  plan: RestorePlan,
  units: readonly Unit[] | undefined,
): Promise<RecordWarning[]> {
  const { target, known, discardBefore, times, except, signal } = request
  const touched = new Set<BytePath>()
  let kept: ReturnType<LiveTree['release']>
  {
    using knowledge = openKnowledge(known, await identifyMount(target))
    using room = new PrivateDirectory(target.here)
    room.make('made')
    using live = new LiveTree({
      live: target.here,
      room,
      safety: known?.tree,
      known: knowledge,
      discardBefore,
      times,
      except: new Set(except.map(bytePath)),
    })

    try {
      for await (const path of yielding(plan.remove, signal)) live.remove(path)
      await live.settle()
      if (units === undefined) await makeAtOnce(request, plan.make, room, live)
      else await makeByTurns(request, plan.make, room, live, units)
    } finally {
      kept = live.release()
      for (const path of live.touched) touched.add(path)
    }
  }

  // the private directory was in the root
  await restoreDirectories(request, attributesToSet(request, plan, touched.add('')))
  return kept === undefined ? [] : warnOfKept(request, kept)
}

/**
 * Those of which a name came or went get their times back, too, but for those that only lead to
 * what is restored.
 */
function attributesToSet(
  { source, only }: RestoreRequest,
  { directories }: RestorePlan,
  touched: ReadonlySet<BytePath>,
): Map<BytePath, boolean> {
  using wanted = new TreeReader(source.here)
  const found = new Map(directories)
  for (const path of touched) {
    if (found.has(path) || only?.covers(path) === false) continue
    if (path === '' || wanted.lstat(path)?.isDirectory() === true) found.set(path, false)
  }
  return found
}

function warnOfKept(
  { target, discardBefore }: RestoreRequest,
  { directory, paths }: NonNullable<ReturnType<LiveTree['release']>>,
): RecordWarning[] {
  const since = discardBefore === undefined ? 'the safety snapshot was taken' : 'the restore began'
  const what = `{was|were} changed after ${since}, and {is|are} kept in `
  return warnOfPaths('kept-aside', what, paths, `${target.path}/${directory}`)
}

/** A new directory is put into its place with all that is in it. */
async function makeAtOnce(
  request: RestoreRequest,
  lists: EntryLists,
  room: PrivateDirectory,
  live: LiveTree,
): Promise<void> {
  const isNew = new Set(eachPath(lists.directories.bytes()))
  for await (const path of yielding(await makePrivately(request, room, lists), request.signal)) {
    if (!isNew.has(parentOf(path))) live.place(path)
  }
  await live.settle()
}

/**
 * Where space is short: directories first, then as much at a time as has room; where one entry has
 * none, the old one goes first.
 */
async function makeByTurns(
  request: RestoreRequest,
  { directories }: EntryLists,
  room: PrivateDirectory,
  live: LiveTree,
  units: readonly Unit[],
): Promise<void> {
  await makeAtOnce(request, { ...noEntries(), directories }, room, live)
  const left = [...units]
  for (let first = left.shift(); first !== undefined; first = left.shift()) {
    const free = freeBytes(request.target.here)
    if (first.newBytes > free) for (const path of first.paths) live.remove(path)
    await live.settle()

    const turn = [first]
    let bytes = first.newBytes
    for (let next = left[0]; next !== undefined && bytes + next.newBytes <= free; next = left[0]) {
      bytes += next.newBytes
      turn.push(next)
      left.shift()
    }

    const lists = noEntries()
    for (const { paths } of turn) {
      for (const path of paths) (paths.length > 1 ? lists.linked : lists.files).add(path)
    }

    await makeAtOnce(request, lists, room, live)
    removeEntries(`${room.here}/made`)
  }
}

/** Makes entries in the private directory, and returns their paths. */
async function makePrivately(
  { source, lockDescriptor, signal, onProgress, leftOut }: RestoreRequest,
  room: PrivateDirectory,
  lists: EntryLists,
): Promise<Iterable<BytePath>> {
  const trees: RsyncTrees = {
    source,
    staging: { cwd: `${room.cwd}/made`, here: `${room.here}/made` },
    lockDescriptor,
    signal,
    onOutput: readProgress(onProgress),
    leftOut,
  }

  await makeEntries(trees, lists, onProgress)
  const { directories, files, linked } = lists
  return [directories, files, linked].flatMap((list) => [...eachPath(list.bytes())])
}
