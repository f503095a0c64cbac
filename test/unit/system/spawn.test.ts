import { expect } from 'chai'
import { InterruptedError, OperationError } from '../../../src/errors.ts'
import { spawn } from '../../../src/system/spawn.ts'
import { rejectionOf } from '../support/rejection.ts'

describe('spawn', () => {
  it('tells the exit code and leaves it to the caller', async () => {
    expect((await spawn('sh', ['-c', 'exit 7'])).exitCode).to.equal(7)
  })

  it('keeps what the program said on both outputs', async () => {
    const { stdout, stderr } = await spawn('sh', ['-c', 'echo out; echo err >&2'])
    expect({ stdout, stderr }).to.deep.equal({ stdout: 'out\n', stderr: 'err\n' })
  })

  it('never lets a shell see the arguments', async () => {
    expect((await spawn('printf', ['%s', '$(id) `id` *'])).stdout).to.equal('$(id) `id` *')
  })

  it('gives the program an environment of its own, in one language and time zone', async () => {
    const { stdout } = await spawn('env', [])
    const names = stdout.split('\n').map((line) => line.replace(/=.*$/, ''))
    expect(names.filter((name) => name !== '' && name !== 'PWD').toSorted()).to.deep.equal([
      'HOME',
      'LC_ALL',
      'PATH',
      'TZ',
    ])
  })

  it('writes the input to the program', async () => {
    expect((await spawn('cat', [], { input: Buffer.from('a\0b') })).stdout).to.equal('a\0b')
  })

  it('gives the program no input otherwise', async () => {
    expect((await spawn('cat', [])).stdout).to.equal('')
  })

  it('runs the program in the directory given', async () => {
    expect((await spawn('pwd', [], { cwd: '/usr' })).stdout).to.equal('/usr\n')
  })

  it('keeps the first MiB of a program that does not stop talking', async () => {
    const { stdout } = await spawn('head', ['-c', '3000000', '/dev/zero'])
    expect(stdout).to.have.length(1024 * 1024)
  })

  it('hands output on as it comes', async () => {
    const chunks: Buffer[] = []
    await spawn('printf', ['text'], { onOutput: (chunk) => chunks.push(chunk) })
    expect(Buffer.concat(chunks).toString()).to.equal('text')
  })

  it('says which program is missing and how to get it', async () => {
    const error = await rejectionOf(spawn('no-such-program', []))
    expect(error).to.be.instanceOf(OperationError)
    expect(error.message).to.include('no-such-program is not installed: install it')
  })

  it('refuses a program that was killed', async () => {
    const error = await rejectionOf(spawn('sh', ['-c', 'kill -9 $$']))
    expect(error).to.be.instanceOf(OperationError)
  })

  it('stops the program when it is interrupted', async () => {
    const error = await rejectionOf(spawn('sleep', ['60'], { signal: AbortSignal.abort() }))
    expect(error).to.be.instanceOf(InterruptedError)
  })
})
