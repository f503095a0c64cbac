import type { Suite } from 'mocha'
import { engineMissing, sweep } from '../../support/docker.ts'
import { type Share, trySome } from '../../support/sample.ts'
import { skipBecause } from '../../support/skip.ts'

/**
 * The image that test/run.sh builds from the Dockerfile before these tests, or another one to try.
 */
export const productImage = process.env['SNAP_VOLUME_TEST_IMAGE'] ?? 'snap-volume:test'

/** What it is built on; a container of it stands for any application. */
export const baseImage = 'node:24-bookworm-slim'

/**
 * A suite that needs a Docker Engine; without one its tests are skipped. It leaves nothing behind.
 */
export function describeOnEngine(title: string, define: (this: Suite) => void): Suite {
  return describe(title, function () {
    this.timeout(240_000)
    before(function () {
      if (engineMissing !== undefined) skipBecause(this, engineMissing)
    })
    after(sweep)
    define.call(this)
  })
}

/** The same for a suite of which a run tries a share, chosen by the seed. */
export function sampleOnEngine(share: Share, title: string, define: (this: Suite) => void): void {
  trySome(share, describeOnEngine(title, define))
}
