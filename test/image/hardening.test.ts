import { expect } from 'chai'
import { execa } from 'execa'
import { type Finished, execIn, runContainer } from '../support/docker.ts'
import { damageAwkwardTree, growAwkwardTree } from '../support/awkward-tree.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { describeOnEngine, productImage, sampleOnEngine } from './support/on-engine.ts'
import {
  type Sidecar,
  dataIn,
  runBeside,
  startSidecar,
  succeeded,
  takeSnapshot,
} from './support/sidecar.ts'

const capabilities = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'MKNOD', 'SETFCAP']

function only(...names: string[]): string[] {
  return ['--cap-drop', 'ALL', ...names.flatMap((name) => ['--cap-add', name])]
}

const hardened = [...only(...capabilities), '--read-only', '--security-opt', 'no-new-privileges']

describeOnEngine('with six capabilities, a read-only root and no new privileges', () => {
  let sidecar: Sidecar
  let source: Tree
  let snapshot: string

  before(async () => {
    sidecar = await startSidecar({ options: hardened })
    await growAwkwardTree(sidecar.data)
    // to see trusted.* takes CAP_SYS_ADMIN, which Docker does not give either
    await execa('setfattr', ['-x', 'trusted.of-root', 'attributes/xattr'], {
      cwd: sidecar.data,
    })
    // one that cp leaves out where /etc/xattr.conf is as Debian has it
    await execa('setfattr', ['-n', 'user.Beagle.name', '-v', 'kept', 'attributes/xattr'], {
      cwd: sidecar.data,
    })
    source = walkTree(sidecar.data)
  })

  it('runs as told', async () => {
    const { stdout } = await execIn(sidecar.container, 'cat', '/proc/1/status')
    expect(stdout)
      .to.match(/^NoNewPrivs:\s+1$/m)
      .and.match(/^CapEff:\s+000000008800001b$/m)
    expect((await execIn(sidecar.container, 'touch', '/etc/file')).stderr).to.match(/read-only/i)
  })

  it('a snapshot equals its source, of setuid, setgid, devices, capabilities, owners and all', async () => {
    snapshot = await takeSnapshot(sidecar)
    expect(compareTrees(source, walkTree(dataIn(sidecar, snapshot)))).to.deep.equal([])
  })

  it('a restore from a container as hardened equals the snapshot', async () => {
    await damageAwkwardTree(sidecar.data)
    expect(compareTrees(source, walkTree(sidecar.data))).not.to.deep.equal([])
    succeeded(await runBeside(sidecar, ['restore', snapshot]))
    expect(compareTrees(source, walkTree(sidecar.data))).to.deep.equal([])
  })

  it('the snapshot is still what it was', () => {
    expect(compareTrees(source, walkTree(dataIn(sidecar, snapshot)))).to.deep.equal([])
  })
})

/** What a refused command said, which must be one line. */
function lineOf({ exitCode, stderr }: Finished): string {
  expect(exitCode).to.equal(1)
  expect(stderr.split('\n')).to.have.length(1)
  return stderr
}

sampleOnEngine({ tests: 5 }, 'without the rights it needs', () => {
  let sidecar: Sidecar

  before(async () => {
    sidecar = await startSidecar({ fill: 'echo one > file' })
    await takeSnapshot(sidecar)
  })

  async function refusal(command: string[], options: string[]): Promise<string> {
    const { dataVolume, storeVolume } = sidecar
    const mounts = ['-v', `${dataVolume}:/data`, '-v', `${storeVolume}:/opt/.snap`]
    return lineOf(await runContainer(productImage, { command, options: [...mounts, ...options] }))
  }

  for (const missing of capabilities) {
    it(`start refuses to run without ${missing}, and names it`, async () => {
      const others = capabilities.filter((name) => name !== missing)
      const line = await refusal(['start', 'data:/data'], only(...others))
      expect(line).to.match(
        new RegExp(`without the capability ${missing}: .*--cap-add ${missing}$`),
      )
    })
  }

  for (const command of [['snapshot'], ['restore', 'latest'], ['prune']]) {
    it(`${command.join(' ')} refuses to run without FSETID, and names it`, async () => {
      const line = await refusal(command, only(...capabilities.filter((name) => name !== 'FSETID')))
      expect(line).to.contain('capability FSETID')
    })
  }

  it('show needs none of them', async () => {
    const { storeVolume } = sidecar
    const options = ['-v', `${storeVolume}:/opt/.snap:ro`, ...only(), '--network', 'none']
    expect(succeeded(await runContainer(productImage, { options, command: ['show'] }))).to.contain(
      '@GMT-',
    )
  })

  it('start refuses to run as another user than root', async () => {
    expect(await refusal(['start', 'data:/data'], ['--user', '1000'])).to.match(/run as root/)
  })

  it('show says in one line why another user cannot read the store', async () => {
    expect(await refusal(['show'], ['--user', '1000'])).to.match(/root/)
  })
})
