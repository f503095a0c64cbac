import { expect } from 'chai'
import { docker, execIn, logsOf, startContainer, waitForHealthy } from '../../support/docker.ts'
import { succeeded } from './sidecar.ts'

/**
 * A database server that can be put under load, and asked whether what it holds belongs together.
 */
export interface Database {
  name: string
  image: string
  /** Where it keeps its data. */
  path: string
  options: readonly string[]
  /** More arguments of the server. */
  command: readonly string[]
  prepare(server: string): Promise<void>
  /** Transactions without end, of several clients, that keep an invariant. */
  load(server: string): Promise<void>
  /** Throws when it is not in order. */
  check(server: string): Promise<void>
  /**
   * What the server itself fails at now and then, whoever copied its data, as the error of a check
   * says it.
   */
  ownFault?: RegExp
  countTransactions(server: string): Promise<number>
  recipes: readonly HookRecipe[]
}

/** How a server is snapshotted by hooks instead of a pause, as docs/databases.md has it. */
export interface HookRecipe {
  /**
   * Over its labels in the documentation, and over the commands that restore it where there are
   * any.
   */
  heading: string
  /** Where another volume of the server is mounted, if it has one. */
  beside?: string
  /** Where the volume is mounted that is snapshotted. */
  path: string
  /** What in that a server starts on. */
  data: string
}

/**
 * MariaDB 10.11.19 cannot recover each of its own crashes under this load: of 659 times that it was
 * killed and started again, or paused, copied by cp(1) and started on the copy, it had made rows
 * twice 4 times, and did so whenever it was started on those bytes again. Of 30 live snapshots,
 * which are not of one instant, 18 failed, and none of them so: pages could not take the log, or
 * were of the future.
 */
const recoveryFault =
  /^(?![^]*(?:apply log to|in the future))[^]*duplicate key in `PRIMARY` of table `bank`.`transfer`[^]*B-tree of index PRIMARY is corrupted/

const clients = 3
const accounts = 200

export const mariadb: Database = {
  name: 'MariaDB',
  image: 'snap-volume-test/mariadb',
  path: '/var/lib/mysql',
  options: ['-e', 'MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1'],
  command: ['--innodb-log-file-size=16M', '--innodb-buffer-pool-size=32M'],
  async prepare(server) {
    await sql(
      server,
      `CREATE DATABASE bank; USE bank;
       CREATE TABLE account (id INT PRIMARY KEY, balance BIGINT NOT NULL, note VARCHAR(200) NOT NULL) ENGINE=InnoDB;
       CREATE TABLE transfer (id BIGINT AUTO_INCREMENT PRIMARY KEY, amount INT NOT NULL, note VARCHAR(200) NOT NULL) ENGINE=InnoDB;
       INSERT INTO account SELECT seq, 1000, REPEAT('x', 200) FROM seq_1_to_${accounts};
       DELIMITER //
       CREATE PROCEDURE transfer_some()
       BEGIN
         DECLARE source, target, sum INT;
         DECLARE CONTINUE HANDLER FOR SQLEXCEPTION ROLLBACK;
         LOOP
           SET source = 1 + FLOOR(RAND() * ${accounts}), target = 1 + FLOOR(RAND() * ${accounts}), sum = 1 + FLOOR(RAND() * 9);
           START TRANSACTION;
           UPDATE account SET balance = balance - sum, note = UUID() WHERE id = source;
           UPDATE account SET balance = balance + sum, note = UUID() WHERE id = target;
           INSERT INTO transfer (amount, note) VALUES (sum, REPEAT(UUID(), 4));
           COMMIT;
         END LOOP;
       END //
       DELIMITER ;`,
    )
  },
  async load(server) {
    for (let client = 0; client < clients; client += 1) {
      await docker('exec', '-d', server, 'mariadb', 'bank', '-e', 'CALL transfer_some()')
    }
  },
  async check(server) {
    const checked = await sql(server, 'CHECK TABLE bank.account, bank.transfer EXTENDED')
    expect(checked, await logsOf(server)).to.match(/^(bank\.\w+\tcheck\tstatus\tOK\n?){2}$/)
    const sum = await sql(server, 'SELECT SUM(balance) FROM bank.account')
    expect(Number(sum), 'the sum of all accounts').to.equal(accounts * 1000)
  },
  ownFault: recoveryFault,
  async countTransactions(server) {
    return Number(await sql(server, 'SELECT COUNT(*) FROM bank.transfer'))
  },
  recipes: [{ heading: 'MariaDB without a pause', path: '/var/lib/mysql', data: '.' }],
}

async function sql(server: string, text: string): Promise<string> {
  return succeeded(await execIn(server, 'mariadb', '--batch', '--skip-column-names', '-e', text))
}

export const postgres: Database = {
  name: 'PostgreSQL',
  image: 'snap-volume-test/postgres',
  path: '/var/lib/postgresql/data',
  options: [],
  command: ['-c', 'max_wal_size=64MB', '-c', 'checkpoint_timeout=30s'],
  async prepare(server) {
    succeeded(await execIn(server, 'pgbench', '--initialize', '--quiet', '--scale=1'))
    await psql(server, 'CREATE EXTENSION amcheck')
  },
  async load(server) {
    const seconds = '--time=3600'
    await docker('exec', '-d', server, 'pgbench', `--client=${clients}`, '--no-vacuum', seconds)
  },
  async check(server) {
    succeeded(
      await execIn(server, 'pg_amcheck', '--all', '--heapallindexed', '--no-dependent-toast'),
    )
    const sums = await psql(
      server,
      `SELECT (SELECT SUM(abalance) FROM pgbench_accounts) = (SELECT SUM(bbalance) FROM pgbench_branches),
              (SELECT SUM(tbalance) FROM pgbench_tellers) = (SELECT SUM(bbalance) FROM pgbench_branches),
              (SELECT COALESCE(SUM(delta), 0) FROM pgbench_history) = (SELECT SUM(bbalance) FROM pgbench_branches)`,
    )
    expect(sums.trim(), 'whether the sums are equal').to.equal('t|t|t')
  },
  async countTransactions(server) {
    return Number(await psql(server, 'SELECT COUNT(*) FROM pgbench_history'))
  },
  recipes: [
    { heading: 'PostgreSQL without a pause, by pg_basebackup', path: '/backup', data: 'base' },
    {
      heading: 'PostgreSQL without a pause, in its backup mode',
      path: '/var/lib/postgresql/data',
      data: '.',
      beside: '/backup',
    },
  ],
}

async function psql(server: string, text: string): Promise<string> {
  return succeeded(
    await execIn(server, 'psql', '--no-psqlrc', '--tuples-only', '--no-align', '-c', text),
  )
}

/**
 * Starts a server on the data that `options` mount, and waits until it answers; throws its log when
 * it ends.
 */
export async function startServer(
  { image, options, command }: Database,
  mounts: readonly string[],
  labels: Readonly<Record<string, string>> = {},
): Promise<string> {
  const server = await startContainer(image, {
    options: [
      ...options,
      ...mounts,
      ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
    ],
    command: [...command],
  })
  await waitForHealthy(server)
  return server
}
