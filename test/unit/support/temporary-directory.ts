import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TemporaryDirectory {
  /** Another one for each test, without symbolic links in its path. */
  readonly path: string
}

/** Gives every test of the suite an empty directory of its own, and removes it afterwards. */
export function useTemporaryDirectory(): TemporaryDirectory {
  const directory = { path: '' }
  beforeEach(() => {
    directory.path = realpathSync(mkdtempSync(join(tmpdir(), 'snap-volume-unit-')))
  })
  afterEach(() => {
    rmSync(directory.path, { recursive: true, force: true })
  })
  return directory
}
