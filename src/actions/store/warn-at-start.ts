import { OperationError } from '../../errors.ts'
import { excludesOf } from '../../config/exclude.ts'
import type { AdoptionEvent } from '../../store/adoption.ts'
import { type Snapshot, readCatalog } from '../../store/catalog.ts'
import { futureFirst } from '../../store/future.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { hasFiles } from '../../tree/has-files.ts'
import { describeNoFiles, noFiles } from '../check-source.ts'
import { findClockJump } from '../clock-jump.ts'
import type { StoreConfig } from '../context.ts'
import type { ActionEvent } from '../events.ts'
import { describeMountsLeftOut, findMountsLeftOut } from './mounts-left-out.ts'
import { planPrune, whyItWaits } from './prune.ts'
import { findDoubtsOfStore, findUnmountedDisk } from './store-place.ts'

/** Of a store or volumes that are likely not where somebody means. */
export function warnOfPlaces(store: StoreLayout, { volumes, exclude }: StoreConfig): ActionEvent[] {
  return [
    ...findDoubtsOfStore(store.directory).map(({ code, message, fix }) =>
      warning(code, `the store ${message}: ${fix}`),
    ),
    ...volumes.flatMap(({ id, path }) => {
      const leftOut = findMountsLeftOut(path, excludesOf(exclude, id))
      return [
        ...findUnmountedDisk(path).map(({ code, message, fix }) =>
          warning(code, `${message}: ${fix}`, id),
        ),
        ...(hasFiles(path) ? [] : [warning(noFiles, describeNoFiles(path), id)]),
        ...(leftOut.length === 0
          ? []
          : [
              warning(
                'mounts-left-out',
                `${describeMountsLeftOut(path, leftOut)}; give them a sidecar of their own`,
                id,
              ),
            ]),
      ]
    }),
  ]
}

/**
 * A store that another application's volumes are in is likely the wrong one, and so is an ID under
 * which a predecessor did not keep its snapshots: those are told of at the first start, before
 * retention counts them.
 */
export function warnOfOthers(
  store: StoreLayout,
  { volumes }: StoreConfig,
  adoption: readonly AdoptionEvent[],
  now: Date,
): ActionEvent[] {
  const adopted = adoption.flatMap((event) => (event.type === 'adopted' ? event.name : []))
  const { snapshots } = futureFirst(readCatalog(store), now)

  const looked = snapshots.filter(
    (snapshot, index) => index === snapshots.length - 1 || adopted.includes(snapshot.name),
  )

  const others = new Map<string, { snapshot: Snapshot; path: string }>()
  for (const snapshot of looked) {
    for (const { id, path } of snapshot.record.volumes) {
      if (!volumes.some((volume) => volume.id === id)) others.set(id, { snapshot, path })
    }
  }

  return [...others].map(([id, { snapshot, path }]) => {
    const spec = `${id}:${path === '' ? 'PATH' : path}`
    const question = `is ${store.directory} the store you mean? To go on from its snapshots, start with ${spec}`

    return warning(
      'other-volume',
      `${snapshot.name} holds the volume ${id}, which is not configured now: ${question}`,
    )
  })
}

/** One goes with each snapshot where SNAP_MAX is reached. */
const fewRemoved = 1

/** Where retention will remove many at once, as with a lowered SNAP_MAX; the next one counts. */
export function warnOfRemoval(store: StoreLayout, config: StoreConfig, now: Date): ActionEvent[] {
  try {
    const plan = planPrune(store, config, now, findClockJump(store, now), {
      name: 'the next snapshot',
      time: now,
      volumes: config.volumes.map(({ id }) => ({ id, flagged: false })),
      pinned: false,
      safety: false,
    })
    const removed = plan.filter(({ keep }) => !keep).length
    if (removed <= fewRemoved) return []

    return [
      warning(
        'many-removed',
        `the next snapshot removes ${removed} of the ${plan.length - 1} snapshots${whyItWaits(config, plan) === undefined ? '' : ' once you have run "snap-volume prune --yes"'}, because ${whyOf(config)}: "snap-volume prune --dry-run" names those that are too many already; to keep them, start with a higher ${config.keep === undefined ? 'SNAP_MAX' : 'SNAP_KEEP_*'}`,
      ),
    ]
  } catch (error) {
    // then nothing is removed, and status says why
    if (!(error instanceof OperationError)) throw error
    return []
  }
}

function whyOf({ maxSnapshots, keep }: StoreConfig): string {
  return keep === undefined
    ? `SNAP_MAX is ${maxSnapshots} and it counts too`
    : 'no rule of SNAP_KEEP_* keeps them'
}

function warning(code: string, message: string, volume?: string): ActionEvent {
  return { type: 'warning', code, message, ...(volume === undefined ? {} : { volume }) }
}
