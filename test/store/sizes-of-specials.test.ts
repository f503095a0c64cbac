import { expect } from 'chai'
import { type FuseFilesystem, fuseOrSkip } from '../support/fuse-filesystem.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'

describe('Devices and sockets of data on ntfs-3g, which have a size there,', () => {
  let filesystem: FuseFilesystem
  let store: TestStore

  before(async function () {
    filesystem = await fuseOrSkip(this, 'ntfs-3g', { mountOptions: ['permissions', 'acl'] })
    store = await makeStore({ dataOn: filesystem.path, env: { SNAP_ENGINE: 'link' } })
    await shellIn(
      store.data,
      `mknod device b 42 7; ln device device-too
       perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "socket", Listen => 1) or die $!'
       stat -c %s device socket | grep -qv '^0$'`,
    )
  })

  after(async () => {
    await store?.remove()
    await filesystem?.remove()
  })

  it('are in one snapshot after another without a warning', async () => {
    await store.snapshot()
    await store.snapshot()
  })

  it('give their place to those of a snapshot, and nothing is kept of them', async () => {
    const wanted = await store.snapshot()
    await shellIn(store.data, 'rm device socket; mknod device b 42 8; mkfifo socket')
    const { exitCode, stderr } = await store.run(['restore', wanted, '--yes'])
    expect(exitCode, stderr).to.equal(0)
    const found = await shellIn(
      store.data,
      "stat -c '%n %F %t:%T %h' device device-too socket; ls -A",
    )
    expect(found.trim().split('\n')).to.deep.equal([
      'device block special file 2a:7 2',
      'device-too block special file 2a:7 2',
      'socket socket 0:0 1',
      'device',
      'device-too',
      'hello.txt',
      'socket',
    ])
  })
})
