import prettyBytes from 'pretty-bytes'
import { describeEvent, nameHook } from '../actions/describe-event.ts'
import type { ActionEvent } from '../actions/events.ts'
import { describeAct } from '../actions/report/describe-act.ts'
import type { Act } from '../store/act-log.ts'
import type { Log } from '../system/log.ts'

/** Tells an event in the daemon's log; what is no news for people only where all is logged. */
export function logEvent(log: Log, event: ActionEvent): void {
  const text = describeEvent(event)
  if (text === undefined) return logDetail(log, event)

  const isWrong = event.type === 'warning' || (event.type === 'hook' && event.outcome !== 'done')
  const level = isWrong ? 'warn' : 'info'
  log[level](text, event)
  if (event.type !== 'hook') return

  const printed = event.output.split('\n').filter((line) => line !== '')
  for (const line of printed) log[level](`${nameHook(event)} | ${line}`)
}

function logDetail(log: Log, event: ActionEvent): void {
  switch (event.type) {
    case 'writers':
      return log.debug('who may write while data are restored', event)
    case 'freed':
      return log.debug(`freed ${prettyBytes(event.bytes)}`, event)
    case 'published':
      return log.debug(`published ${event.name}`, event)
    case 'phase':
      return log.debug(`${event.phase} ${event.volume ?? ''}`.trim(), event)
    default:
      return undefined
  }
}

/** Tells what somebody else did to the store: what the daemon does itself is told as it goes. */
export function logAct(log: Log, act: Act): void {
  if (act.by.what === 'daemon') return
  const level = act.outcome === 'begun' || act.outcome === 'done' ? 'info' : 'warn'
  log[level](describeAct(act), act)
}
