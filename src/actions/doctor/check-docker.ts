import { type ConsumerDescription, describeConsumers } from '../consumers/describe-consumers.ts'
import { OperationError } from '../../errors.ts'
import type { ActionContext } from '../context.ts'
import { type DoctorFinding, note, ok, problem } from './finding.ts'

/** Whether the Docker API is there, who uses the data, and what snapshots do with them. */
export async function checkDocker(
  context: Pick<ActionContext, 'config' | 'docker' | 'hooks' | 'inImage'>,
): Promise<DoctorFinding[]> {
  const { consumers, unknown } = await consumersOrWhyNot(context)
  if (unknown !== undefined) {
    const { quiesce } = context.config
    return [
      quiesce === 'none'
        ? note('docker', unknown.problem, unknown.fix)
        : problem('docker', `SNAP_QUIESCE=${quiesce}, and ${unknown.problem}`, unknown.fix),
    ]
  }

  const hasOwnHook = context.hooks.commands['pre-snapshot'] !== undefined
  return [
    ok('docker', 'the API answers'),
    ...consumers.flatMap((consumer) => checkConsumer(consumer, hasOwnHook)),
  ]
}

async function consumersOrWhyNot(context: Parameters<typeof describeConsumers>[0]) {
  try {
    const { consumers, unknown } = await describeConsumers(context)
    if (unknown === undefined) return { consumers, unknown }
    return { consumers, unknown: { problem: unknown, fix: howToReachIt } }
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    return { consumers: [], unknown: { problem: error.problem, fix: error.fix ?? howToReachIt } }
  }
}

const howToReachIt = 'mount /var/run/docker.sock or set DOCKER_HOST, if containers are to be paused'

function checkConsumer(consumer: ConsumerDescription, hasOwnHook: boolean): DoctorFinding[] {
  const { name, state, volumes, writes, quiesce, hooks, problems } = consumer
  const subject = `consumer ${name}`
  const what = `${state}, ${writes ? 'writes' : 'reads'} ${volumes.join(', ')}`
  const isLive = writes && state === 'running' && quiesce === 'none'
  const isHooked = hasOwnHook || hooks.includes('pre-snapshot')

  return [
    isLive && !isHooked
      ? note(
          subject,
          `${what}, and is snapshotted live`,
          'set SNAP_QUIESCE=pause, or its label snap-volume.quiesce=pause',
        )
      : ok(subject, what),
    ...problems.map((message) => problem(subject, message, 'put the label right')),
  ]
}
