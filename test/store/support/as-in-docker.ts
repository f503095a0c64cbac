/** What Docker leaves a container by default: no SYS_ADMIN. */
const dockerCapabilities = [
  'chown',
  'dac_override',
  'fowner',
  'fsetid',
  'kill',
  'setgid',
  'setuid',
  'setpcap',
  'net_bind_service',
  'net_raw',
  'sys_chroot',
  'mknod',
  'audit_write',
  'setfcap',
]
const only = ['-all', ...dockerCapabilities.map((name) => `+${name}`)].join(',')
/** Before a command that is to have no others. */
export const asInDocker = ['setpriv', `--bounding-set=${only}`, `--inh-caps=${only}`]
