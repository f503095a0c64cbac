import { exitCodes } from '../../errors.ts'
import { printable } from '../../system/printable.ts'
import type { Command } from '../command.ts'

export const sambaConfigCommand: Command = {
  name: 'samba-config',
  summary: 'the part of smb.conf by which Samba shows the snapshots as Previous Versions',
  examples: [
    ['samba-config', 'a share for each volume of the last start'],
    ['samba-config data', 'for one volume only'],
    [
      'samba-config data:/export/data --store /export/.snapshot/data',
      'where Samba finds volume and store at other paths, such as on the host',
    ],
  ],
  details: [
    'Each volume is a share named by its ID. Nothing is changed: put what is printed into smb.conf, and mount the\n' +
      'store read-only where smbd runs. docs/previous-versions.md and examples/samba show the whole of it.',
  ],
  positionals: [
    {
      name: 'volumes',
      describe: 'ID, or ID:PATH where Samba finds it at another path; by default all',
      required: false,
      many: true,
    },
  ],
  options: {
    store: { type: 'string', value: 'PATH', describe: 'where Samba finds the store' },
  },
  async run(input) {
    const { json, options, terminal } = input
    const { describeShares } = await import('../../actions/report/samba-shares.ts')
    const { readStoreConfig } = await import('../../actions/context.ts')
    const { openStoreOnly, resumeBeforeReading } = await import('../open-context.ts')
    const { formatSambaConfig } = await import('../render/samba-config.ts')
    const { store, settings } = openStoreOnly(input)
    await resumeBeforeReading(input, store, settings)

    const description = describeShares(store, readStoreConfig(store, settings).volumes, {
      volumes: Array.isArray(options['volumes']) ? options['volumes'].map(String) : [],
      store: typeof options['store'] === 'string' ? options['store'] : undefined,
    })
    if (json) {
      terminal.stdout.write(`${JSON.stringify(description)}\n`)
      return exitCodes.done
    }

    for (const problem of description.problems) {
      terminal.stderr.write(`warning: ${printable(problem)}\n`)
    }

    terminal.stdout.write(formatSambaConfig(description))
    return exitCodes.done
  },
}
