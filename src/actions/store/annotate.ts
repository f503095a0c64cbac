import { join } from 'node:path'
import { readCatalog } from '../../store/catalog.ts'
import { writeFileDurably } from '../../store/durable.ts'
import { recordFileName } from '../../store/layout.ts'
import { type SnapshotRecord, formatRecord } from '../../store/record.ts'
import { resolveReference } from '../../store/references.ts'
import { type ActionContext, asWriter } from '../context.ts'
import { explainFailure, inStore } from '../explain-failure.ts'
import { logged } from '../log-act.ts'

/** What is changed of what people wrote about a snapshot; what is undefined stays as it is. */
export interface Annotations {
  /** Empty for none. */
  comment?: string | undefined
  pinned?: boolean | undefined
  labels: Readonly<Record<string, string>>
  /** The keys of labels that go. */
  unlabel: readonly string[]
}

/**
 * Changes the comment, the pin and the labels of a snapshot, and nothing else of it. The record is
 * exchanged as a whole by one rename: a crash leaves the old one or the new one. Throws
 * OperationError where it cannot be written.
 */
export async function annotate(
  context: ActionContext,
  reference: string,
  annotations: Annotations,
): Promise<SnapshotRecord> {
  return logged(
    context,
    { act: 'annotate', snapshot: reference },
    async () =>
      asWriter(context, 'annotate', async ({ store, clock }) => {
        const { name, path, record } = resolveReference(readCatalog(store), reference, clock.now())
        const annotated = applyAnnotations(record, annotations)
        try {
          writeFileDurably(join(path, recordFileName), formatRecord(annotated), 0o644)
        } catch (error) {
          throw await explainFailure(error, inStore(store.directory), `${name} is as it was`)
        }
        return annotated
      }),
    ({ name }) => ({ snapshot: name }),
  )
}

function applyAnnotations(
  record: SnapshotRecord,
  { comment, pinned, labels, unlabel }: Annotations,
): SnapshotRecord {
  const left = Object.entries(record.labels).filter(([key]) => !unlabel.includes(key))
  return {
    ...record,
    comment: comment === undefined ? record.comment : comment === '' ? null : comment,
    pinned: pinned ?? record.pinned,
    labels: { ...Object.fromEntries(left), ...labels },
  }
}
