import type { Command } from '../command.ts'
import { completionCommand } from './completion.ts'
import { doctorCommand } from './doctor.ts'
import { helpCommand } from './help.ts'
import { pruneCommand } from './prune.ts'
import { renameCommand } from './rename.ts'
import { restoreCommand } from './restore.ts'
import { sambaConfigCommand } from './samba-config.ts'
import { showCommand } from './show.ts'
import { snapshotCommand } from './snapshot.ts'
import { startCommand } from './start.ts'
import { statusCommand } from './status.ts'
import { subvolumeCommand } from './subvolume.ts'
import { versionCommand } from './version.ts'

/** All commands, in the order the help shows them. */
export const commands: readonly Command[] = [
  startCommand,
  helpCommand,
  showCommand,
  snapshotCommand,
  restoreCommand,
  pruneCommand,
  renameCommand,
  statusCommand,
  doctorCommand,
  sambaConfigCommand,
  subvolumeCommand,
  completionCommand,
  versionCommand,
]
