import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { engines } from '../support/engines.ts'
import { shellIn } from '../support/shell.ts'
import { makeStore, onlyPrelinks, useStore } from '../support/test-store.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { asInDocker } from './support/as-in-docker.ts'

/** As Samba, SMACK and IMA set them; the capability and what users set are kept in any case. */
const tree = String.raw`
mkdir share
for name in acl label measured capability plain; do echo "$name" > share/$name; done
ln -s plain share/link
setfattr -n security.NTACL -v windows share/acl
setfattr -n security.NTACL -v windows share .
setfattr -n security.SMACK64 -v label share/label
setfattr -h -n security.SMACK64 -v label share/link
setfattr -n security.ima -v 0x0102 share/measured
setfattr -n user.colour -v blue share/acl
setfacl -m u:1234:rw share/acl
setcap cap_net_bind_service+ep share/capability
`
const names = 'security.NTACL security.SMACK64 security.ima'
const leftOut = `extended attributes that this process may not set are left out (${names})`

for (const engine of engines) {
  describe(`Extended attributes that take SYS_ADMIN to be set, without it (engine ${engine})`, function () {
    this.timeout(60_000)
    const store = useStore({ env: { SNAP_ENGINE: engine } })

    beforeEach(async () => {
      await shellIn(store.data, tree)
    })

    const snapshot = async (): Promise<{ exitCode: number; stderr: string; name: string }> => {
      const { exitCode, stderr } = await store.run(['snapshot'], { through: asInDocker })
      return { exitCode, stderr, name: store.snapshotNames().at(-1) ?? '' }
    }
    const inode = (name: string, path: string): bigint =>
      lstatSync(join(store.dataIn(name), path), { bigint: true }).ino

    it('are left out of a snapshot, which names them and keeps all else', async () => {
      const { exitCode, stderr, name } = await snapshot()
      expect(stderr).to.include(`warning: data: ${leftOut}; --cap-add SYS_ADMIN keeps them: `)
      expect(exitCode).to.equal(3)
      const { stdout } = await store.run(['show', name, '--json'])
      const { warnings } = JSON.parse(stdout) as { warnings: { paths: string[] }[] }
      const files = ['share/acl', 'share/label', 'share/link', 'share/measured']
      expect(warnings[0]?.paths).to.have.members(['.', 'share', ...files])
      const expected = withoutThem(walkTree(store.data))
      expect(compareTrees(expected, walkTree(store.dataIn(name)))).to.deep.equal([])
    })

    it('are told of by the next snapshot too, which shares the files', async () => {
      const first = await snapshot()
      const second = await snapshot()
      expect(second.stderr).to.include(leftOut)
      expect(second.exitCode).to.equal(3)
      expect(inode(second.name, 'share/acl')).to.equal(inode(first.name, 'share/acl'))
    })

    it('are told of no more when they are gone, and where they are when they were moved', async () => {
      await snapshot()
      await shellIn(
        store.data,
        'mv share moved; rm moved/{acl,label,link}; setfattr -x security.NTACL .',
      )
      const second = await snapshot()
      expect(second.stderr)
        .to.include('(security.NTACL security.ima)')
        .and.include('moved/measured')
      expect(second.stderr).to.not.include('share/')
      await shellIn(store.data, 'rm moved/measured; setfattr -x security.NTACL moved')
      const third = await snapshot()
      expect(third.exitCode, third.stderr).to.equal(0)
    })

    it('are in the first snapshot that may set them, although no file changed', async () => {
      await snapshot()
      const name = await store.snapshot()
      expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
    })

    it('are left out of a restore, which names them before and after', async () => {
      const name = await store.snapshot()
      await shellIn(store.data, 'for file in acl label; do echo changed > share/$file; done')
      await shellIn(store.data, 'setfattr -n security.NTACL -v other share; chmod 700 share')
      const words = ['restore', name, '--yes']
      const plan = await store.run([...words, '--dry-run'], { through: asInDocker })
      expect(plan.stderr).to.include('are left out (security.NTACL')
      const { exitCode, stderr } = await store.run(words, { through: asInDocker })
      expect(stderr).to.include('are left out (security.NTACL')
      expect(exitCode).to.equal(3)
      const expected = withoutThem(walkTree(store.dataIn(name)))
      expect(compareTrees(expected, withoutThem(walkTree(store.data)))).to.deep.equal([])
    })

    it('that a snapshot lacks stay at a restore with it, and those of replaced files are named', async () => {
      const { name } = await snapshot()
      const before = walkTree(store.data)
      await shellIn(store.data, 'echo changed > share/acl')
      await shellIn(store.data, 'chmod 600 share/label; chmod 644 share/label; rm share/measured')
      const words = ['restore', name, '--yes']
      const lost =
        'are not on the files that are restored (security.NTACL security.SMACK64 security.ima)'
      const plan = await store.run([...words, '--dry-run'])
      expect(plan.stderr).to.include(lost).and.include('share/acl')
      const { exitCode, stderr } = await store.run(words)
      expect(stderr).to.include(lost)
      expect(exitCode).to.equal(3)
      expect(readFileSync(join(store.data, 'share/acl'), 'utf8')).to.equal('acl\n')
      const after = walkTree(store.data)
      for (const path of ['.', 'share', 'share/label', 'share/link']) {
        expect(after.get(path)?.attributes, path).to.equal(before.get(path)?.attributes)
      }
      const next = await store.run([...words])
      expect(next.exitCode, next.stderr).to.equal(0)
    })

    it('stay on files that a restore does not replace', async () => {
      const { name } = await snapshot()
      const before = walkTree(store.data)
      await shellIn(store.data, 'echo changed > share/plain')
      await store.run(['restore', name, '--yes'], { through: asInDocker })
      expect(readFileSync(join(store.data, 'share/plain'), 'utf8')).to.equal('plain\n')
      for (const path of ['share', 'share/acl', 'share/label', 'share/measured']) {
        expect(walkTree(store.data).get(path)?.attributes, path).to.equal(
          before.get(path)?.attributes,
        )
      }
    })
  })
}

describe('Links in advance to directories with such attributes, made without SYS_ADMIN', function () {
  this.timeout(60_000)

  it('are not made, so that the next snapshot names what it leaves out', async () => {
    const store = await makeStore()
    try {
      await shellIn(store.data, tree)
      await store.snapshot()
      const daemon = await store.startDaemon({ env: onlyPrelinks, through: asInDocker })
      await daemon.line(/not linked in advance: .*security\.NTACL/)
      await daemon.stop()
      const { exitCode, stderr } = await store.run(['snapshot'], { through: asInDocker })
      expect(stderr).to.include('are left out (security.NTACL')
      expect(exitCode).to.equal(3)
    } finally {
      await store.remove()
    }
  })
})

/** The tree as a copy can have it. */
function withoutThem(tree: Tree): Tree {
  return new Map(
    [...tree].map(([path, entry]) => {
      const attributes = entry.attributes.split(' ')
      const kept = attributes.filter((one) => !/^security\.(NTACL|SMACK64|ima)=/.test(one))
      return [path, { ...entry, attributes: kept.join(' ') }]
    }),
  )
}

describe('doctor without SYS_ADMIN', () => {
  it('says which extended attributes are left out, and how to keep them', async () => {
    const store = await makeStore()
    try {
      const { stdout } = await store.run(['doctor'], { through: asInDocker })
      expect(stdout).to.match(/security\.\*, trusted\.\*.*left out.*--cap-add SYS_ADMIN/s)
    } finally {
      await store.remove()
    }
  })
})
