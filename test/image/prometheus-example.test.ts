import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { type Finished, runContainer, testLabel } from '../support/docker.ts'
import { skipBecause } from '../support/skip.ts'
import { commandsUnder, composeRunner, findCompose } from './support/compose.ts'
import { eventually } from './support/eventually.ts'
import { productImage, sampleOnEngine } from './support/on-engine.ts'
import { succeeded } from './support/sidecar.ts'

const example = fileURLToPath(new URL('../../examples/prometheus/', import.meta.url))
const image = 'snap-volume-test/prometheus'

/** Runs promtool(1) in the example's directory. */
async function promtool(...words: string[]): Promise<Finished> {
  return runContainer(image, {
    options: ['-v', `${example}:/example:ro`, '-w', '/example', '--entrypoint', 'promtool'],
    command: words,
  })
}

/** The metrics of ours that a text asks for. */
function metricsIn(text: string): string[] {
  return [...new Set(text.match(/\bsnap_volume_\w+/g))]
}

sampleOnEngine({ oneIn: 2 }, 'examples/prometheus', () => {
  it('has rules that promtool takes, and that fire when they should', async () => {
    succeeded(await promtool('check', 'rules', 'alerts.yml'))
    const { exitCode, stdout, stderr } = await promtool('test', 'rules', 'alerts.test.yml')
    expect(exitCode, stdout + stderr).to.equal(0)
  })

  it('does what the comments of compose.yaml say, and has every metric that its dashboard and rules ask for', async function () {
    const compose = await findCompose()
    if (compose === undefined) {
      skipBecause(this, 'there is neither docker-compose nor the plugin of docker')
    }
    // it writes a token beside its files
    const directory = await mkdtemp(join(tmpdir(), 'prometheus-example-'))
    await cp(example, directory, { recursive: true })
    const file = join(directory, 'compose.yaml')
    const settings = join(directory, 'test.yaml')
    await writeFile(settings, overrides)
    const fast = await readFile(join(directory, 'prometheus.yml'), 'utf8')
    await writeFile(join(directory, 'prometheus.yml'), fast.replaceAll('15s', '1s'))
    const run = composeRunner(compose, `prometheus-${process.pid}`, [file, settings])
    const follow = async (heading: string): Promise<string> => {
      const outputs: string[] = []
      for (const command of await commandsUnder(file, heading)) outputs.push(await run(command))
      return outputs.join('\n')
    }
    const scrape = (): Promise<string> =>
      run(
        `docker compose exec snap node -e "fetch('http://127.0.0.1:8400/metrics').then(async (answer) => process.stdout.write(await answer.text()))"`,
      )
    try {
      await follow('Make a token')
      await eventually('a daemon that answers', () => scrape().catch(() => undefined))
      await follow('Take a snapshot now')
      const metrics = await eventually('a snapshot of the schedule too', async () => {
        const text = await scrape()
        return text.includes('snap_volume_snapshot_bytes{') ? text : undefined
      })
      const asked = metricsIn(
        (await readFile(join(directory, 'dashboard.json'), 'utf8')) +
          (await readFile(join(directory, 'alerts.yml'), 'utf8')),
      )
      const given = metricsIn(metrics)
      expect(asked.filter((name) => !given.includes(name))).to.deep.equal([])
      await writeFile(join(directory, 'metrics'), `${metrics}\n`)
      const linted = await runContainer(image, {
        options: ['-v', `${directory}:/in:ro`, '--entrypoint', 'sh'],
        command: ['-c', 'promtool check metrics < /in/metrics'],
      })
      expect([linted.exitCode, linted.stdout, linted.stderr]).to.deep.equal([0, '', ''])
      await eventually('what Prometheus has of it', async () =>
        /snap_volume_snapshots\{.*job="snap-volume".*\} => [1-9]/.test(
          await follow('See what Prometheus has'),
        )
          ? true
          : undefined,
      )
      expect(await follow('See the alerts')).not.to.contain('SnapVolumeDown')
    } finally {
      await run('docker compose down --volumes')
      await rm(directory, { recursive: true })
    }
  })
})

/** The images that test/run.sh builds; a snapshot of the schedule each second. */
const overrides = `
services:
  snap:
    image: '${productImage}'
    labels: ['${testLabel}']
    environment: { SNAP_CRON: '* * * * * *', SNAP_MAX: '3', SNAP_QUIESCE: none }
  prometheus: { image: '${image}', labels: ['${testLabel}'] }
volumes:
  data: { labels: ['${testLabel}'] }
  snapshots: { labels: ['${testLabel}'] }
`
