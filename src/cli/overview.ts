/** What the help and the man page say of the program as a whole. */
export const overview: {
  summary: string
  /** Lines of a shell. */
  examples: readonly string[]
  /** How a snapshot is named. */
  references: string
  exitCodes: readonly (readonly [code: number, meaning: string])[]
} = {
  summary: 'snapshots of Docker volumes, taken on a schedule, restored by one command',
  examples: [
    'docker run -d --name mysql-vol --restart unless-stopped -v /export/data/mysql:/var/lib/mysql \\',
    '  -v /export/.snapshot/mysql:/opt/.snap -v /var/run/docker.sock:/var/run/docker.sock \\',
    '  -e SNAP_QUIESCE=pause snap-volume start mysql:/var/lib/mysql',
    'docker run -d -v /export/data/mysql:/var/lib/mysql mysql:8',
    'docker run --rm -t --volumes-from mysql-vol snap-volume show',
    'docker exec -t mysql-vol snap-volume snapshot -m "before the upgrade"',
    'docker run --rm -it --volumes-from mysql-vol snap-volume restore latest',
    'docker run --rm -t --network backend -e SNAP_HOST=mysql-vol -e SNAP_TOKEN=... snap-volume status',
  ],
  references:
    'A snapshot is named in full, by a beginning that fits one, as latest or latest~2, or by a time\n' +
    '(2026-11-20, 2026-11-20T03:00Z, "2 days ago"), which means the newest at or before it.',
  exitCodes: [
    [0, 'done'],
    [1, 'failed'],
    [2, 'usage'],
    [3, 'done with warnings'],
    [75, 'the store is busy'],
    [130, 'interrupted'],
  ],
}
