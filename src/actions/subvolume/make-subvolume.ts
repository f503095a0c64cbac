import { existsSync, renameSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import {
  type CloneRequest,
  cloneTree,
  findDifferences,
  surveyForClone,
} from '../../copy/clone-tree.ts'
import { assertRsync } from '../../system/rsync-version.ts'
import { OperationError, throwIfInterrupted } from '../../errors.ts'
import { deleteTrees } from '../../store/delete-trees.ts'
import { fsyncDirectory, syncFilesystem } from '../../store/durable.ts'
import { type DirectoryHandle, openDirectory } from '../../tree/directory-handle.ts'
import { shellWord } from '../../system/shell-word.ts'
import { createSubvolume } from '../../system/subvolume.ts'
import { type ActionContext, type WriterContext, withStoreLock } from '../context.ts'
import { explainFailure, inData } from '../explain-failure.ts'
import { logged } from '../log-act.ts'
import { reportProgress } from '../report-progress.ts'
import { type SubvolumeDecision, assertUnused, decideSubvolume } from './decide.ts'

export interface SubvolumePlan extends SubvolumeDecision {
  files: number
  bytes: number
}

/**
 * Says what becomes a subvolume, by which steps; changes nothing.
 * Throws OperationError where the exchange itself would refuse.
 */
export async function planSubvolume(context: ActionContext, named: string): Promise<SubvolumePlan> {
  return withStoreLock(context, 'subvolume plan', async () => {
    const decision = decideSubvolume(context, named)
    assertUnused(decision)
    await assertRsync()
    const { files, entries } = await surveyVolume(context, decision)
    return { ...decision, files, bytes: entries.bytes }
  })
}

/**
 * Makes a subvolume of a volume that is a plain directory on btrfs. The directory keeps its content
 * throughout, and stays under another name. docs/internals/crash-safety.md says what a crash
 * leaves. Throws OperationError when it refuses, or when the directory changed meanwhile; then the
 * directory is at `path`.
 */
export async function makeSubvolume(context: ActionContext, named: string): Promise<SubvolumePlan> {
  return logged(
    context,
    { act: 'subvolume', volumes: [named] },
    async () => exchangeDirectory(context, named),
    ({ volume }) => ({ volumes: [volume] }),
  )
}

async function exchangeDirectory(context: ActionContext, named: string): Promise<SubvolumePlan> {
  context.emit({ type: 'phase', phase: 'lock' })
  return withStoreLock(context, 'subvolume', async (writer) => {
    const decision = decideSubvolume(context, named)
    assertUnused(decision)
    await assertRsync()
    using parent = openDirectory(dirname(decision.path))

    const exchange = new Exchange(writer, decision, parent)
    try {
      return await (decision.isHalfDone ? exchange.goOn() : exchange.begin())
    } catch (error) {
      throw await explainFailure(
        error,
        inData(decision.path),
        existsSync(decision.oldDirectory)
          ? `the old directory is ${decision.oldDirectory}, with all it held`
          : 'it is as it was',
      )
    }
  })
}

/** The steps; all three names are reached through their open parent. */
class Exchange {
  readonly #context: WriterContext
  readonly #decision: SubvolumeDecision
  readonly #parent: DirectoryHandle

  constructor(context: WriterContext, decision: SubvolumeDecision, parent: DirectoryHandle) {
    this.#context = context
    this.#decision = decision
    this.#parent = parent
  }

  async begin(): Promise<SubvolumePlan> {
    const { path, copy, oldDirectory } = this.#decision
    const survey = await surveyVolume(this.#context, this.#decision)
    await createSubvolume(this.#parent.cwd, basename(copy))

    try {
      await this.#withTrees(path, async (request) => {
        // until it has the mode of the directory, nobody is to look into it
        await chmod(request.target.here, 0o700)
        this.#tell('subvolume', path)
        const progress = reportProgress(this.#context, this.#decision.volume)
        await cloneTree(request, survey.entries, progress.onProgress)
        progress.end()
        await this.#assertEqual(request)
      })

      await syncFilesystem(this.#parent.cwd)
      throwIfInterrupted(this.#context.signal)
      assertUnused(this.#decision)

      try {
        this.#rename(path, oldDirectory)
        this.#rename(copy, path)
      } catch (error) {
        if (!existsSync(path)) this.#rename(oldDirectory, path)
        throw error
      }
    } catch (error) {
      await this.#removeCopy()
      throw error
    }

    return { ...this.#decision, files: survey.files, bytes: survey.entries.bytes }
  }

  /**
   * After a crash between the renames: the second one, or, where the two are not equal any more,
   * the first one back; the copy, which this run did not make, stays then.
   */
  async goOn(): Promise<SubvolumePlan> {
    const { volume, path, copy, oldDirectory } = this.#decision
    const { emit } = this.#context
    const message = `the exchange of ${path} was cut off between its renames: it is finished when ${copy} equals ${oldDirectory}, and undone otherwise`
    emit({ type: 'warning', code: 'subvolume-interrupted', volume, message })
    const { files, entries } = await surveyVolume(this.#context, this.#decision)

    try {
      await this.#withTrees(oldDirectory, (request) => this.#assertEqual(request))
    } catch (error) {
      if (!(error instanceof ChangedError)) throw error
      this.#rename(oldDirectory, path)
      throw error
    }

    this.#rename(copy, path)
    return { ...this.#decision, files, bytes: entries.bytes }
  }

  async #withTrees(
    directory: string,
    work: (request: CloneRequest) => Promise<void>,
  ): Promise<void> {
    using source = openDirectory(directory)
    using target = openDirectory(this.#decision.copy)
    const { signal } = this.#context
    await work({ source, target, lockDescriptor: this.#context.lock.descriptor, signal })
  }

  async #assertEqual(request: CloneRequest): Promise<void> {
    this.#tell('compare', request.source.path)
    const [first, ...others] = await findDifferences(request)
    if (first === undefined) return

    const { volume, path, copy, isHalfDone } = this.#decision
    const more = others.length === 0 ? '' : ` and ${others.length} more`
    throw new ChangedError(
      isHalfDone
        ? `volume ${volume}: ${copy} differs from the old directory (${first.path}${more}), which is at ${path} again`
        : `volume ${volume} changed while it was copied (${first.path}${more}): ${path} is as it was, and the copy is removed;`,
      {
        fix: isHalfDone
          ? `when the copy is not needed, remove it with "btrfs subvolume delete ${shellWord(copy)}" and run this again`
          : 'stop the containers that use it first',
      },
    )
  }

  #rename(from: string, to: string): void {
    const { here } = this.#parent
    renameSync(`${here}/${basename(from)}`, `${here}/${basename(to)}`)
    fsyncDirectory(here)
  }

  async #removeCopy(): Promise<void> {
    const { volume, copy } = this.#decision
    // whoever owns the directories above may have put another one in its place
    const path = `${this.#parent.cwd}/${basename(copy)}`
    const leftOver = existsSync(path) ? await deleteTrees([path]) : ''
    if (leftOver === '') return

    const message = `${copy} could not all be removed: ${leftOver.split('\n')[0]}`
    this.#context.emit({ type: 'warning', code: 'subvolume-copy', volume, message })
  }

  #tell(phase: 'subvolume' | 'compare', detail: string): void {
    this.#context.emit({ type: 'phase', phase, volume: this.#decision.volume, detail })
  }
}

class ChangedError extends OperationError {
  override name = 'ChangedError'
}

/** Throws OperationError where the subvolume would not hold all that the directory shows. */
async function surveyVolume(
  { signal }: ActionContext,
  { volume, path, oldDirectory, isHalfDone }: SubvolumeDecision,
) {
  using source = openDirectory(isHalfDone ? oldDirectory : path)
  const survey = await surveyForClone(source, signal)
  const [leftOut] = survey.leftOut
  if (leftOut !== undefined) {
    throw new OperationError(`volume ${volume} is left as it is: ${leftOut.message}`, {
      fix: `run this with all capabilities of root (${leftOut.paths?.[0]})`,
    })
  }

  const [inner] = survey.foreign
  if (inner === undefined) return survey

  throw new OperationError(
    `volume ${volume} is left as it is: ${source.path}/${inner} is a subvolume or another filesystem of its own, which a copy would leave out`,
    { fix: 'move it elsewhere first' },
  )
}
