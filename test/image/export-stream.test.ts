import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { execa } from 'execa'
import { execIn, testLabel } from '../support/docker.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { archivesIn } from '../store/support/archives.ts'
import { baseImage, describeOnEngine, productImage } from './support/on-engine.ts'
import { startSidecar, succeeded } from './support/sidecar.ts'

const fill = `mkdir -p d/e; echo one > d/one; ln d/one d/e/two; head -c 2000000 /dev/urandom > large
  ln -s nowhere link; chmod 700 d; touch -d 2001-02-03 d/e`

/** The newest snapshot's data on this machine. */
function newestOf(store: string, names: string): string {
  return join(store, names.trim().split('\n').at(-1) ?? '', 'data')
}

describeOnEngine('export and import between containers', () => {
  it('go through a pipe', async () => {
    const from = await startSidecar({ fill })
    const to = await startSidecar({ fill: 'echo other > other' })
    succeeded(await execIn(from.container, 'snap-volume', 'snapshot'))
    const names = succeeded(await execIn(from.container, 'snap-volume', 'show', '-q'))

    const line = `docker exec ${from.container} snap-volume export latest -o - |
      docker run --rm -i --label ${testLabel} --volumes-from ${to.container} ${productImage} import -`
    await execa('bash', ['-euo', 'pipefail', '-c', line])
    const [one, other] = [newestOf(from.store, names), newestOf(to.store, names)]
    expect(compareTrees(walkTree(one), walkTree(other))).to.deep.equal([])
  })

  it('leave archives that a bare container rebuilds', async () => {
    const scratch = await mkdtemp(join(tmpdir(), 'export-stream-'))
    try {
      const { container, store } = await startSidecar({ fill })
      const run = async (...words: string[]) =>
        succeeded(await execIn(container, 'snap-volume', ...words))
      await run('snapshot')
      await execIn(container, 'sh', '-c', 'mkdir /tmp/out')
      await run('export', 'latest', '-o', '/tmp/out')
      await execIn(container, 'sh', '-c', 'echo more >> /data/large; mv /data/d/one /data/moved')
      await run('snapshot')
      await run('export', 'latest', '--since', 'latest~1', '-o', '/tmp/out')
      await execa('docker', ['cp', `${container}:/tmp/out/.`, scratch])

      // what is in the image beside the program: nothing of it is started
      const archives = archivesIn(scratch).map((path) => path.replace(scratch, '/backup'))
      const options = ['--rm', '--label', testLabel, '-v', `${scratch}:/backup`]
      const script = ['sh', '/backup/restore.sh', ...archives, '/backup/target']
      await execa('docker', ['run', ...options, '--entrypoint', 'env', productImage, ...script])
      const [one, other] = [newestOf(store, await run('show', '-q')), join(scratch, 'target')]
      expect(compareTrees(walkTree(one), walkTree(other))).to.deep.equal([])

      const bare = ['run', ...options, baseImage, 'sh', '/backup/restore.sh', ...archives, '/x']
      const { stderr } = await execa('docker', bare, { reject: false })
      expect(stderr).to.match(/zstd is not installed: .*apt-get install zstd/)
    } finally {
      await rm(scratch, { recursive: true })
    }
  })
})
