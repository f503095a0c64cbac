import prettyMilliseconds from 'pretty-ms'
import type { HookRecord, RecordWarning } from '../store/record.ts'
import type { ActionEvent } from './events.ts'

/**
 * An event in one line, the same for a terminal and for the daemon's log; undefined for those that
 * are no news. Others wrote parts of it: whoever shows it makes it printable.
 */
export function describeEvent(event: ActionEvent): string | undefined {
  switch (event.type) {
    case 'waiting':
      return `waiting for the store: ${event.holder}`
    case 'warning':
      return describeWarning(event)
    case 'removed':
      return `removed ${event.name}: ${event.reason}`
    case 'adopted':
      return `adopted ${event.name} from the predecessor`
    case 'consumer':
      return `container ${event.name}: ${event.state}`
    case 'hook':
      return `${nameHook(event)}: ${event.outcome} in ${prettyMilliseconds(event.ms)}`
    case 'published':
      return event.kind === 'safety'
        ? `the data as they are now are kept as ${event.name}`
        : undefined
    case 'writers':
    case 'freed':
    case 'phase':
    case 'progress':
      return undefined
  }
}

export function describeWarning({ volume, message }: RecordWarning): string {
  return volume === undefined ? message : `${volume}: ${message}`
}

export function nameHook({ point, container }: Pick<HookRecord, 'point' | 'container'>): string {
  return container === null ? `hook ${point}` : `hook ${point} in ${container}`
}
