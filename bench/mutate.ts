import { chmod, chown, lstat, utimes, writeFile } from 'node:fs/promises'
import { pick } from './random.ts'
import { type Tree, settle } from './tree.ts'

const changedShare = 0.01

/** One percent of the files get new content, in place. */
export async function changeContents({ files, random, content }: Tree): Promise<void> {
  for (const path of pick(random, files, changedShare)) await writeFile(path, content())
  await settle()
}

/** One percent of the files get another mode, owner or modification time, by turns. */
export async function changeMetadata({ files, random }: Tree): Promise<void> {
  for (const [index, path] of pick(random, files, changedShare).entries()) {
    const { mode, uid, gid, atime, mtime } = await lstat(path)
    if (index % 3 === 0) await chmod(path, (mode & 0o7777) ^ 0o044)
    else if (index % 3 === 1) await chown(path, uid + 1, gid + 1)
    else await utimes(path, atime, new Date(mtime.getTime() - 1000))
  }
  await settle()
}
