import { existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { execa } from 'execa'
import { growAwkwardTree } from '../support/awkward-tree.ts'
import { lastDocumentOf, programFile } from '../support/cli.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { injecting, whyNoStrace } from '../support/strace.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { asInDocker } from './support/as-in-docker.ts'
import { deleteSubvolumes } from './support/delete-subvolumes.ts'

const subvolumeInode = 256

/** Runs what follows where rsync does `act` (sh) before its comparison, and nowhere else. */
function inWorldWhereComparing(act: string): string[] {
  const script = `
    mount -t tmpfs tmpfs /mnt
    cp /usr/bin/rsync /mnt/real
    cat > /mnt/rsync <<'END'
#!/bin/sh
case "$*" in *--dry-run*) ${act} ;; esac
exec /mnt/real "$@"
END
    chmod +x /mnt/rsync
    mount --bind /mnt/rsync /usr/bin/rsync
    exec "$@"`
  return ['unshare', '--mount', 'bash', '-euc', script, 'bash']
}

/** With --seccomp-bpf strace(1) injects errors, and signals come too late. */
function killingAtRename(when: number): string[] {
  const words = injecting(`rename:signal=SIGKILL:when=${when}`)
  return words.filter((word) => word !== '--seccomp-bpf')
}

const withoutBtrfsProgram = [
  'unshare',
  '--mount',
  'bash',
  '-euc',
  `mount -t tmpfs tmpfs /mnt
  mkdir /mnt/upper /mnt/work
  mount -t overlay overlay -o lowerdir=/usr/bin,upperdir=/mnt/upper,workdir=/mnt/work /usr/bin
  rm /usr/bin/btrfs
  exec "$@"`,
  'bash',
]

/** Runs what follows where `directory` is mounted at `place`, and nowhere else. */
function whereMounted(directory: string, place: string): string[] {
  return [
    'unshare',
    '--mount',
    'bash',
    '-euc',
    `mount --bind ${directory} ${place}; exec "$@"`,
    '-',
  ]
}

describe('A plain directory on btrfs', () => {
  let filesystem: LoopFilesystem
  let store: TestStore
  let copy: string
  let oldDirectory: string

  before(async function () {
    filesystem = await loopOrSkip(this, 'btrfs', { sizeMiB: 512 })
  })

  beforeEach(async () => {
    store = await makeStore({ on: filesystem.path })
    copy = `${store.data}.snap-volume-new`
    oldDirectory = `${store.data}.snap-volume-old`
  })

  afterEach(async () => {
    await deleteSubvolumes(filesystem.path)
    await store?.remove()
  })

  after(() => filesystem?.remove())

  const make = (through: readonly string[] = [], volume = 'data') =>
    store.run(['subvolume', volume, '--yes'], { through })

  const namesBeside = (): string[] => readdirSync(dirname(store.data)).toSorted()

  const isPlain = (): boolean => lstatSync(store.data).ino !== subvolumeInode

  /** Bytes in use. */
  const used = async (): Promise<number> =>
    Number(
      await shellIn(filesystem.path, 'sync -f .; echo $((($(stat -f -c "%b - %f" .)) * 4096))'),
    )

  const show = async (engine: string): Promise<string> =>
    (await store.run(['show', '-a'], { env: { SNAP_ENGINE: engine } })).stdout

  const kill = async (through: readonly string[]): Promise<string[]> => {
    const words = [process.execPath, programFile, 'subvolume', 'data', '--yes']
    await execa({ env: store.env, reject: false })`${[...through, ...words]}`
    // a program that it started may end a moment later
    await execa('flock', [join(store.directory, '.snap-volume/lock'), 'true'])
    return namesBeside()
  }

  /** Expects a refusal that changes nothing in the data, nor beside them. */
  async function expectRefused(
    message: RegExp,
    through: readonly string[] = [],
    volume = 'data',
  ): Promise<void> {
    const before = [namesBeside(), walkTree(store.data)] as const
    expectRefusal(await make(through, volume), 1, message)
    expect(namesBeside()).to.deep.equal(before[0])
    expect(compareTrees(before[1], walkTree(store.data))).to.deep.equal([])
  }

  it('becomes a subvolume that equals it, and stays beside it', async () => {
    await growAwkwardTree(store.data)
    await shellIn(store.data, 'chmod 2750 .; chown 12:34 .; setfacl -m u:1234:rx .')
    await shellIn(
      store.data,
      "setfattr -n user.of-the-root -v x .; touch -d '2001-01-01T01:02:03.5Z' .",
    )
    const before = walkTree(store.data)
    const { exitCode, stdout, stderr } = await make()
    expect(exitCode, stderr).to.equal(0)
    expect(lstatSync(store.data).ino).to.equal(subvolumeInode)
    expect(compareTrees(before, walkTree(store.data))).to.deep.equal([])
    expect(compareTrees(before, walkTree(oldDirectory)), 'the old one').to.deep.equal([])
    expect(namesBeside()).to.deep.equal(['data', 'data.snap-volume-old'])
    expect(stdout).to.include(`remove it with "rm -r -- ${oldDirectory}"`)
  })

  it('is left as it is where the subvolume would lack extended attributes', async () => {
    await shellIn(store.data, 'setfattr -n security.NTACL -v windows hello.txt')
    await expectRefused(/left out \(security\.NTACL\).*hello\.txt/, asInDocker)
  })

  it('can be snapshotted by SNAP_ENGINE=btrfs then', async () => {
    await make()
    const { exitCode, stderr } = await store.run(['snapshot'], { env: { SNAP_ENGINE: 'btrfs' } })
    expect(exitCode, stderr).to.equal(0)
    const name = store.snapshotNames().at(-1) ?? ''
    expect(lstatSync(store.dataIn(name)).ino).to.equal(subvolumeInode)
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
  })

  it('shares its large files with the subvolume', async () => {
    await shellIn(store.data, 'head -c 64M /dev/urandom > large')
    const before = await used()
    await make()
    expect(await used()).to.be.below(before + 16 * 1024 * 1024)
  })

  it('is named with its size and what happens by --dry-run, which changes nothing', async () => {
    const before = walkTree(dirname(store.data))
    const { exitCode, stdout } = await store.run(['subvolume', 'data', '--dry-run'])
    expect(exitCode).to.equal(0)
    for (const part of [
      '1 file, 6 B',
      `the subvolume ${copy}`,
      `to ${oldDirectory}, which is kept`,
    ]) {
      expect(stdout).to.include(part)
    }
    expect(compareTrees(before, walkTree(dirname(store.data)))).to.deep.equal([])
  })

  it('is described by --json', async () => {
    for (const [word, dryRun] of [
      ['--dry-run', true],
      ['--yes', false],
    ] as const) {
      const finished = await store.run(['subvolume', 'data', word, '--json'])
      expect(lastDocumentOf(finished)).to.deep.equal({
        type: 'result',
        dryRun,
        volume: 'data',
        path: store.data,
        copy,
        oldDirectory,
        isHalfDone: false,
        files: 1,
        bytes: 6,
      })
    }
  })

  it('is left as it is where nobody can be asked', async () => {
    const finished = await store.run(['subvolume', 'data'])
    expectRefusal(finished, 2, /look at it with --dry-run, and say --yes/)
    expect(namesBeside()).to.deep.equal(['data'])
  })

  it('is left as it is when the answer on a terminal is no', async () => {
    const command = [process.execPath, programFile, 'subvolume', 'data'].join(' ')
    const { exitCode, stdout } = await execa(
      'script',
      ['--quiet', '--return', '--command', command, '/dev/null'],
      { input: 'n\n', reject: false, env: store.env },
    )
    expect(stdout)
      .to.match(/would become a subvolume/)
      .and.match(/The exchange begins in \d+ s/)
    expect([exitCode, namesBeside()]).to.deep.equal([130, ['data']])
  })

  it('can have another path than the last start said', async () => {
    const other = join(dirname(store.data), "an other's")
    await shellIn('/', `mv ${store.data} "${other}"`)
    const { exitCode, stdout } = await make([], `data:${other}`)
    expect([exitCode, lstatSync(other).ino]).to.deep.equal([0, subvolumeInode])
    expect(stdout).to.include(String.raw`an other'\''s.snap-volume-old'"`)
  })

  describe('is named by show -a with the command', () => {
    for (const engine of ['auto', 'btrfs']) {
      it(`for SNAP_ENGINE=${engine}, until it is one`, async () => {
        expect(await show(engine)).to.match(
          /a plain directory on btrfs.*; "snap-volume subvolume data" makes it one/,
        )
        await make()
        expect(await show(engine)).not.to.include('snap-volume subvolume')
      })
    }

    it('but not to whoever asks for another engine', async () => {
      expect(await show('link')).not.to.include('snap-volume subvolume')
    })
  })

  describe('is left as it is', () => {
    it('when it is a subvolume', async () => {
      await make()
      await expectRefused(/is a subvolume already/)
    })

    it('when it is a mount point, and the commands for the host are named', async () => {
      const commands =
        'btrfs subvolume create DIR.new && cp -a --reflink=always DIR/. DIR.new/ && mv DIR DIR.old && mv DIR.new DIR'
      const through = whereMounted(store.data, store.data)
      await expectRefused(new RegExp(`is a mount point.*${commands}.*subvolume data:DIR`), through)
    })

    it('when something is mounted inside', async () => {
      await shellIn(store.data, 'mkdir inner')
      const inner = join(store.data, 'inner')
      await expectRefused(/inner is mounted inside it: unmount/, whereMounted('/mnt', inner))
    })

    it('when a subvolume is inside', async () => {
      await shellIn(store.data, 'mkdir d; btrfs subvolume create d/inner')
      await expectRefused(/data\/d\/inner is a subvolume .*move it elsewhere/)
    })

    it('when the program btrfs is missing', async () => {
      await expectRefused(/btrfs is not installed: .*btrfs-progs/, withoutBtrfsProgram)
    })

    it('when a name that is needed is taken', async () => {
      for (const [name, message] of [
        [copy, /snap-volume-new is there already; .*btrfs subvolume delete/],
        [oldDirectory, /snap-volume-old is there already, .*move it away/],
      ] as const) {
        await shellIn('/', `mkdir ${name}`)
        await expectRefused(message)
        await shellIn('/', `rmdir ${name}`)
      }
    })

    it('when a process works in it', async () => {
      const sleeper = execa('sleep', ['60'], { cwd: store.data, reject: false })
      try {
        await expectRefused(
          new RegExp(`in use by process ${sleeper.pid} \\(sleep\\).*stop the containers`),
        )
      } finally {
        sleeper.kill()
        await sleeper
      }
    })

    it('when another mount namespace, as that of a container, has it mounted', async () => {
      const words = [...whereMounted(store.data, '/mnt'), 'sh', '-c', 'echo mounted; exec sleep 60']
      const [program = '', ...args] = words
      const container = execa(program, args, { reject: false })
      try {
        await new Promise((resolve) => container.stdout.once('data', resolve))
        await expectRefused(new RegExp(`in use by process ${container.pid} `))
      } finally {
        container.kill()
        await container
      }
    })

    it('when the store is on another filesystem', async () => {
      const other = await makeStore({ dataOn: filesystem.path })
      try {
        const finished = await other.run(['subvolume', 'data', '--yes'])
        expectRefusal(finished, 1, /and the store are on different filesystems/)
      } finally {
        await other.remove()
      }
    })

    it('when the volume is not known', async () => {
      expectRefusal(await make([], 'other'), 2, /no volume "other": configured are data/)
    })
  })

  it('that changes while it is copied stays, and the copy is removed', async () => {
    await growAwkwardTree(store.data)
    const through = inWorldWhereComparing(`echo more >> ${store.data}/hello.txt`)
    const message =
      /changed while it was copied \(.*hello\.txt\).*stop the containers that use it first/
    expectRefusal(await make(through), 1, message)
    expect(namesBeside()).to.deep.equal(['data'])
    expect(readFileSync(join(store.data, 'hello.txt'), 'utf8')).to.equal('hello\nmore\n')
    expect(lstatSync(store.data).ino).not.to.equal(subvolumeInode)
  })

  it('is left as it is, without a copy, when SIGTERM ends the command', async () => {
    const through = inWorldWhereComparing('kill -TERM $PPID; exec sleep 30')
    expectRefusal(await make(through), 130, /interrupted/)
    expect([isPlain(), namesBeside()]).to.deep.equal([true, ['data']])
  })

  it('whose copy was cut off stays, and the next run says what to remove', async () => {
    const left = await kill(inWorldWhereComparing('kill -9 $PPID'))
    expect(left).to.deep.equal(['data', 'data.snap-volume-new'])
    await expectRefused(/remove it with "btrfs subvolume delete \S+\.snap-volume-new"/)
    await shellIn('/', `btrfs subvolume delete ${copy}`)
    expect((await make()).exitCode).to.equal(0)
  })

  describe('when the machine or the disk fails at a step,', () => {
    before(async function () {
      const reason = await whyNoStrace()
      if (reason !== undefined) skipBecause(this, reason)
    })

    beforeEach(async () => {
      // of a file rsync would make renames too
      await shellIn(store.data, 'rm hello.txt; mkdir directory; ln -s nowhere link')
    })

    const failures: [injection: string, what: string, message: RegExp][] = [
      ['rename:error=EIO:when=1', 'the first rename fails', /EIO.*it is as it was/],
      ['rename:error=EIO:when=2', 'the second rename fails', /EIO.*it is as it was/],
      ['fsync:error=EIO:when=1', 'the first rename does not reach the disk', /it is as it was/],
    ]
    for (const [injection, what, message] of failures) {
      it(`${what}, it is in its place without a copy`, async () => {
        const before = walkTree(store.data)
        expectRefusal(await make(injecting(injection)), 1, message)
        expect(compareTrees(before, walkTree(store.data))).to.deep.equal([])
        expect([isPlain(), namesBeside()]).to.deep.equal([true, ['data']])
      })
    }

    it('the second rename does not reach the disk, the refusal says where it is', async () => {
      const finished = await make(injecting('fsync:error=EIO:when=2'))
      expectRefusal(finished, 1, /EIO.*the old directory is \S+snap-volume-old/)
      expect(existsSync(join(oldDirectory, 'directory'))).to.equal(true)
    })

    it('a kill before the first rename leaves it in its place', async () => {
      const left = await kill(killingAtRename(1))
      expect(left).to.deep.equal(['data', 'data.snap-volume-new'])
      expect(isPlain()).to.equal(true)
    })

    it('a kill before the second rename leaves both, and the next run finishes', async () => {
      const left = await kill(killingAtRename(2))
      expect(left).to.deep.equal(['data.snap-volume-new', 'data.snap-volume-old'])
      expect((await make()).exitCode).to.equal(0)
      expect(compareTrees(walkTree(oldDirectory), walkTree(store.data))).to.deep.equal([])
      expect([isPlain(), namesBeside()]).to.deep.equal([false, ['data', 'data.snap-volume-old']])
    })
  })

  describe('whose exchange was cut off between the renames', () => {
    beforeEach(async () => {
      await growAwkwardTree(store.data)
      await make()
      await shellIn('/', `mv ${store.data} ${copy}`)
    })

    it('is finished by the next run, which says so', async () => {
      const before = walkTree(oldDirectory)
      const plan = await store.run(['subvolume', 'data', '--dry-run'])
      expect(plan.stdout).to.include('was cut off and would be finished')
      expect(existsSync(store.data)).to.equal(false)
      const { exitCode, stderr } = await make()
      expect(exitCode, stderr).to.equal(0)
      expect(stderr).to.match(/^warning: data: the exchange of \S+ was cut off/m)
      expect(lstatSync(store.data).ino).to.equal(subvolumeInode)
      expect(compareTrees(before, walkTree(store.data))).to.deep.equal([])
      expect(namesBeside()).to.deep.equal(['data', 'data.snap-volume-old'])
    })

    it('is undone when the old directory has changed since', async () => {
      await shellIn(oldDirectory, 'echo more >> hello.txt')
      const before = walkTree(oldDirectory)
      expectRefusal(
        await make(),
        1,
        /differs from the old directory \(hello\.txt\), which is at \S+data again/,
      )
      expect(compareTrees(before, walkTree(store.data))).to.deep.equal([])
      expect(namesBeside()).to.deep.equal(['data', 'data.snap-volume-new'])
    })

    it('is left alone when something made the directory since', async () => {
      await shellIn('/', `mkdir ${store.data}`)
      await expectRefused(/something made \S+ since: if it is empty, remove it with "rmdir/)
    })

    it('is told to be renamed back when there is no copy', async () => {
      await shellIn('/', `btrfs subvolume delete ${copy}`)
      expectRefusal(await make(), 1, /rename that back with "mv \S+snap-volume-old \S+data"/)
      expect(namesBeside()).to.deep.equal(['data.snap-volume-old'])
    })
  })
})

it('A directory that is not on btrfs does not become a subvolume', async () => {
  const store = await makeStore()
  try {
    const finished = await store.run(['subvolume', 'data', '--yes'])
    expectRefusal(finished, 1, /is not on btrfs/)
    expect(existsSync(`${store.data}.snap-volume-new`)).to.equal(false)
  } finally {
    await store.remove()
  }
})
