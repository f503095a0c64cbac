import { randomUUID } from 'node:crypto'
import { readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { errorCode } from '../errors.ts'
import type { StoreLayout } from '../store/layout.ts'
import { parseDocument } from '../store/record.ts'
import { type Columns, type GroupedSnapshots, InodeGroups } from './inode-groups.ts'

const temporary = /^usage\.cache\.[0-9a-f-]{36}$/
const magic = Buffer.from('snap-volume usage 2\n')
const bytesEach = 8 + 8 + 4

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const headerSchema = v.object({
  snapshots: v.array(v.object({ name: v.string(), id: v.string() })),
  groups: v.array(v.object({ members: v.array(count), bytes: count, inodes: count })),
  inodes: count,
})

/**
 * What was walked before; empty where there is no cache, or one that is not whole. In the file:
 * magic, u32 length of the header, the header as JSON, and three columns: f64 inodes, f64 bytes,
 * u32 groups. It is made again from the snapshots by whoever misses it, so it is not synced.
 */
export function readUsageCache(store: StoreLayout): InodeGroups {
  try {
    const content = readFileSync(store.usageCache)
    const { header, columns } = parse(content)
    return new InodeGroups(header, columns)
  } catch (error) {
    // a system that cannot read it will tell of the walk
    if (errorCode(error) === 'EACCES') throw error
    return new InodeGroups()
  }
}

function parse(content: Buffer): { header: GroupedSnapshots; columns: Columns } {
  if (!content.subarray(0, magic.length).equals(magic)) throw new Error('not a cache')
  const headerEnd = magic.length + 4 + content.readUInt32LE(magic.length)
  const header = parseDocument(headerSchema, content.toString('utf8', magic.length + 4, headerEnd))
  if (content.length !== headerEnd + header.inodes * bytesEach) throw new Error('cut off')

  // typed arrays begin where their numbers are aligned
  const { buffer } = new Uint8Array(content.subarray(headerEnd))
  const columns = {
    inodes: new Float64Array(buffer, 0, header.inodes),
    bytes: new Float64Array(buffer, 8 * header.inodes, header.inodes),
    groups: new Uint32Array(buffer, 16 * header.inodes, header.inodes),
  }
  return { header, columns }
}

/**
 * Keeps what was walked, by one rename; of two that write at once one counts. Where the store cannot
 * be written, the next one walks again.
 */
export function writeUsageCache(
  { own, usageCache: path }: StoreLayout,
  { snapshots, groups, columns }: GroupedSnapshots & { columns: Columns },
): void {
  const header = Buffer.from(JSON.stringify({ snapshots, groups, inodes: columns.inodes.length }))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(header.length)
  const parts = [columns.inodes, columns.bytes, columns.groups].map(
    ({ buffer }) => new Uint8Array(buffer),
  )
  const made = `${path}.${randomUUID()}`

  try {
    writeFileSync(made, Buffer.concat([magic, length, header, ...parts]), {
      mode: 0o600,
      flag: 'wx',
    })
    renameSync(made, path)
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    rmSync(made, { force: true })
  }
  // of those that were killed
  for (const name of readdirSync(own).filter((one) => temporary.test(one))) {
    rmSync(join(own, name), { force: true })
  }
}
