import { hostname } from 'node:os'
import { InterruptedError, messageOf } from '../errors.ts'
import { type Act, appendAct } from '../store/act-log.ts'
import type { ActionContext } from './context.ts'

const mostNames = 100
const longestError = 2000

/** What is told of an act beside who did it, when, and what became of it. */
export type ActDetails = Partial<Omit<Act, 'act' | 'startedAt' | 'finishedAt' | 'outcome' | 'by'>>

/**
 * Does an act on the store and notes in the store's log what became of it, also when it fails:
 * `asked` is told then, and what `tell` says of the result when it is done, flagged where that has
 * warnings.
 */
export async function logged<T>(
  context: ActionContext,
  asked: Pick<Act, 'act'> & ActDetails,
  work: () => Promise<T>,
  tell: (result: T) => ActDetails,
): Promise<T> {
  const startedAt = context.clock.now()
  let result: T
  try {
    result = await work()
  } catch (error) {
    const outcome = error instanceof InterruptedError ? 'interrupted' : 'failed'
    await noteAct(context, { ...asked, outcome, error: messageOf(error) }, startedAt)
    throw error
  }

  const told = tell(result)
  const outcome = (told.warnings ?? []).length === 0 ? 'done' : 'flagged'
  await noteAct(context, { ...asked, ...told, outcome }, startedAt)
  return result
}

/** Notes one. What was done is done, although it cannot be noted: that is a warning. */
export async function noteAct(
  { store, clock, startedBy: what = 'command', emit }: ActionContext,
  act: Pick<Act, 'act' | 'outcome'> & ActDetails,
  startedAt: Date,
): Promise<void> {
  const { removed, error, ...others } = act
  try {
    await appendAct(store, {
      ...others,
      startedAt: startedAt.toISOString(),
      finishedAt: clock.now().toISOString(),
      by: { what, host: hostname(), pid: process.pid },
      ...(removed && { removed: removed.slice(0, mostNames), removedCount: removed.length }),
      ...(error !== undefined && { error: error.slice(0, longestError) }),
    })
  } catch (failure) {
    // why it failed is told already, and may be the same
    if (error !== undefined) return
    const message = `what was done cannot be noted in ${store.acts}: ${messageOf(failure)}`
    emit({ type: 'warning', code: 'act-log', message })
  }
}

/** The codes of warnings, each once. */
export function codesOf(warnings: readonly { code: string }[]): string[] {
  return [...new Set(warnings.map(({ code }) => code))]
}
