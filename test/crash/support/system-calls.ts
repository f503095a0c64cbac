/**
 * System calls that make, name or remove entries, or flush them: where a crash can come between
 * two.
 */
export const writingCalls = [
  ['rename', 'renameat', 'renameat2'],
  ['link', 'linkat', 'symlink', 'symlinkat'],
  ['unlink', 'unlinkat', 'rmdir'],
  ['mkdir', 'mkdirat', 'mknod', 'mknodat'],
  ['fsync', 'fdatasync', 'syncfs'],
  ['truncate', 'ftruncate'],
].join()

/** Those of them that the threads of node make when they scan, and no other program does. */
export const scansCalls = 'link,mkdir'

/**
 * Those of them that cp, rsync, rm and sync make, and node does not; and what cp does with each
 * file.
 */
export const childrensCalls =
  'renameat,renameat2,linkat,symlinkat,unlinkat,mkdirat,syncfs,copy_file_range,utimensat'
