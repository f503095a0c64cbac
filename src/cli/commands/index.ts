import type { Command } from '../command.ts'
import { annotateCommand } from './annotate.ts'
import { cloneCommand } from './clone.ts'
import { completionCommand } from './completion.ts'
import { diffCommand } from './diff.ts'
import { doctorCommand } from './doctor.ts'
import { exportCommand } from './export.ts'
import { findCommand } from './find.ts'
import { helpCommand } from './help.ts'
import { historyCommand } from './history.ts'
import { proveCommand } from './prove.ts'
import { importCommand } from './import.ts'
import { pruneCommand } from './prune.ts'
import { removeCommand } from './remove.ts'
import { renameCommand } from './rename.ts'
import { restoreCommand } from './restore.ts'
import { sambaConfigCommand } from './samba-config.ts'
import { showCommand } from './show.ts'
import { snapshotCommand } from './snapshot.ts'
import { startCommand } from './start.ts'
import { statusCommand } from './status.ts'
import { subvolumeCommand } from './subvolume.ts'
import { usageCommand } from './usage.ts'
import { verifyCommand } from './verify.ts'
import { versionCommand } from './version.ts'

/** All commands, in the order the help shows them. */
export const commands: readonly Command[] = [
  startCommand,
  helpCommand,
  showCommand,
  snapshotCommand,
  restoreCommand,
  pruneCommand,
  removeCommand,
  annotateCommand,
  usageCommand,
  diffCommand,
  historyCommand,
  findCommand,
  verifyCommand,
  cloneCommand,
  proveCommand,
  exportCommand,
  importCommand,
  renameCommand,
  statusCommand,
  doctorCommand,
  sambaConfigCommand,
  subvolumeCommand,
  completionCommand,
  versionCommand,
]
