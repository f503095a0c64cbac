import prettyBytes from 'pretty-bytes'
import type { ActionEvent } from '../actions/events.ts'
import { describeAct } from '../actions/report/describe-act.ts'
import type { Act } from '../store/act-log.ts'
import type { Log } from '../system/log.ts'

/** Tells an event in the daemon's log. */
export function logEvent(log: Log, event: ActionEvent): void {
  switch (event.type) {
    case 'waiting':
      return log.info(`waiting for the store: ${event.holder}`, event)
    case 'warning':
      return log.warn(
        `${event.volume === undefined ? '' : `${event.volume}: `}${event.message}`,
        event,
      )
    case 'removed':
      return log.info(`removed ${event.name}: ${event.reason}`, event)
    case 'adopted':
      return log.info(`adopted ${event.name} from the predecessor`, event)
    case 'writers':
      return log.debug('who may write while data are restored', event)
    case 'consumer':
      return log.info(`container ${event.name}: ${event.state}`, event)
    case 'hook':
      return logHook(log, event)
    case 'freed':
      return log.debug(`freed ${prettyBytes(event.bytes)}`, event)
    case 'published':
      return log.debug(`published ${event.name}`, event)
    case 'phase':
      return log.debug(`${event.phase} ${event.volume ?? ''}`.trim(), event)
    case 'progress':
      return undefined
  }
}

/** Tells what somebody else did to the store: what the daemon does itself is told as it goes. */
export function logAct(log: Log, act: Act): void {
  if (act.by.what === 'daemon') return
  const level = act.outcome === 'begun' || act.outcome === 'done' ? 'info' : 'warn'
  log[level](describeAct(act), act)
}

/** With what it printed, line by line. */
function logHook(log: Log, event: Extract<ActionEvent, { type: 'hook' }>): void {
  const { point, container, outcome, output } = event
  const level = outcome === 'done' ? 'info' : 'warn'
  const hook = `hook ${point}${container === null ? '' : ` in ${container}`}`
  log[level](`${hook}: ${outcome}`, event)
  for (const line of output.split('\n').filter((each) => each !== ''))
    log[level](`${hook} | ${line}`)
}
