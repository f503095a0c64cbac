import type { Act } from '../../store/act-log.ts'

const mostNames = 3

/** An act in a line for people: what was done, to what, what became of it, and who did it. */
export function describeAct(act: Act): string {
  const { outcome, warnings = [], error } = act
  const becameOf = {
    begun: ' begun',
    done: '',
    flagged: `, flagged (${warnings.join(', ')})`,
    failed: ` failed: ${error ?? ''}`,
    interrupted: ` interrupted: ${error ?? ''}`,
  }[outcome]
  return `${describeWhat(act)}${becameOf}, ${describeWho(act)}`
}

function describeWhat(act: Act): string {
  const { snapshot, kind, safety, volumes = [], renamed = [] } = act
  const into = volumes.length === 0 ? '' : ` into ${volumes.join(', ')}`
  switch (act.act) {
    case 'snapshot':
      return `${kind ?? ''} snapshot${snapshot === undefined ? '' : ` ${snapshot}`}${describeRemoved(act)}`.trim()
    case 'restore': {
      const isOver = act.outcome !== 'begun'
      const kept = safety === undefined || !isOver ? '' : `, what it replaced is kept as ${safety}`
      return `restore${kind === 'undo' ? ' --undo' : ''}${snapshot === undefined ? '' : ` of ${snapshot}`}${into}${kept}`
    }
    case 'annotate':
      return `annotate ${snapshot ?? ''}`
    case 'rename':
      return ['rename', ...renamed.map(({ from, to }) => `of ${from} to ${to}`)].join(' ')
    default:
      return `${act.act}${volumes.length === 0 ? '' : ` of ${volumes.join(', ')}`}${describeRemoved(act)}`
  }
}

function describeRemoved({ removed = [], removedCount = 0 }: Act): string {
  if (removedCount === 0) return ''
  const more = removedCount > mostNames ? ', ...' : ''
  return `, ${removedCount} removed (${removed.slice(0, mostNames).join(', ')}${more})`
}

function describeWho({ by: { what, host, pid } }: Act): string {
  if (what === 'daemon') return `by the daemon in ${host}`
  return what === 'client'
    ? `by a client of the daemon in ${host}`
    : `by a command in ${host} (pid ${pid})`
}
