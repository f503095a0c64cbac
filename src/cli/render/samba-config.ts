import type { Share, SharesDescription } from '../../actions/report/samba-shares.ts'

/** The shares as sections of smb.conf(5), and in comments what must hold where smbd runs. */
export function formatSambaConfig({ store, shares }: SharesDescription): string {
  return [
    '# Previous Versions by snap-volume: for the end of smb.conf, or a file that it includes.',
    '#',
    '# What must hold where smbd runs:',
    `# - ${store} is mounted read-only (:ro). Else who may write a file can write its versions too.`,
    `# - Users may enter ${store} and the directories above it: mode 0755. With 0700 they see no versions.`,
    '# - Nothing but snapshots is named @GMT-... there: Samba takes any such directory for one.',
    '# - There is no shadow:basedir: beside shadow:snapsharepath, no version can be opened.',
    '#',
    '# "read only = no" is about the live data. Add who may connect (valid users); owners and modes hold as well.',
    ...shares.flatMap((share) => ['', ...formatShare(share)]),
    '',
  ].join('\n')
}

function formatShare({ name, parameters }: Share): string[] {
  return [
    `[${name}]`,
    ...Object.entries(parameters).map(([parameter, value]) => `   ${parameter} = ${value}`),
  ]
}
