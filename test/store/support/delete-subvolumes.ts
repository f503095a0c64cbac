import { shellIn } from '../../support/shell.ts'

/** Deletes all subvolumes below `directory`, which rm(1) takes for other filesystems. */
export async function deleteSubvolumes(directory: string): Promise<void> {
  await shellIn(
    directory,
    'find . -mindepth 1 -depth -inum 256 -type d -print0 | xargs -0 -r -n 1 btrfs subvolume delete',
  )
}
