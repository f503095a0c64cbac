import { appendFileSync, existsSync, linkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { execa } from 'execa'
import { expectRefusal } from '../support/refusal.ts'
import { skipBecause } from '../support/skip.ts'
import { makeUnconfiguredStore, useStore } from '../support/test-store.ts'
import { compareTrees } from '../support/tree-walker.ts'

/**
 * Runs what follows where `change` has been done to the directory of programs, and nowhere else.
 */
function inOtherWorld(change: string): string[] {
  const script = `
    mount -t tmpfs tmpfs /mnt
    mkdir /mnt/upper /mnt/work
    mount -t overlay overlay -o lowerdir=/usr/bin,upperdir=/mnt/upper,workdir=/mnt/work /usr/bin
    ${change}
    exec "$@"`
  return ['unshare', '--mount', 'bash', '-euc', script, 'bash']
}

const withoutRsync = inOtherWorld('rm /usr/bin/rsync')
const withOldRsync = inOtherWorld(
  `printf '#!/bin/sh\\necho "rsync  version 3.2.7  protocol version 31"\\n' > /usr/bin/rsync`,
)

describe('Without a good rsync', () => {
  before(async function () {
    const words = [...withoutRsync, 'test', '!', '-e', '/usr/bin/rsync']
    const { failed, stderr } = await execa({ reject: false })`${words}`
    if (failed) skipBecause(this, `rsync cannot be hidden here: ${stderr}`)
  })

  it('start says what to install, and makes no store', async () => {
    const store = await makeUnconfiguredStore()
    try {
      const finished = await store.run(['start', store.spec], { through: withoutRsync })
      expectRefusal(finished, 1, /rsync is not installed: install it .*apt-get install rsync/)
      expect(existsSync(store.directory)).to.equal(false)
    } finally {
      await store.remove()
    }
  })

  it('start refuses one that is too old, and makes no store', async () => {
    const store = await makeUnconfiguredStore()
    try {
      const finished = await store.run(['start', store.spec], { through: withOldRsync })
      expectRefusal(finished, 1, /rsync 3\.2\.7 is too old .*install 3\.5\.0 or newer/)
      expect(existsSync(store.directory)).to.equal(false)
    } finally {
      await store.remove()
    }
  })

  describe('on a store that is in use,', () => {
    const store = useStore()

    beforeEach(async () => {
      await store.snapshot()
    })

    for (const words of [['snapshot'], ['restore', 'latest', '--yes']]) {
      it(`${words[0]} says what to install and publishes nothing`, async () => {
        const before = store.published()
        // an unchanged file needs no rsync
        appendFileSync(join(store.data, 'hello.txt'), 'more\n')
        linkSync(join(store.data, 'hello.txt'), join(store.data, 'linked.txt'))
        const finished = await store.run(words, { through: withoutRsync })
        expectRefusal(finished, 1, /rsync is not installed: install it/)
        expect(compareTrees(before, store.published())).to.deep.equal([])
        expect([...store.leftIn('staging'), ...store.leftIn('trash')]).to.deep.equal([])
      })
    }

    it('show answers', async () => {
      const { exitCode } = await store.run(['show', '-a'], { through: withoutRsync })
      expect(exitCode).to.equal(0)
    })

    it('version says that it knows none', async () => {
      const { exitCode, stdout } = await store.run(['version'], { through: withoutRsync })
      expect(exitCode).to.equal(0)
      expect(stdout).to.match(/^rsync unknown$/m)
    })
  })
})
