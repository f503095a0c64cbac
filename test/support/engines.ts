/** The engines that work on every filesystem. */
export const engines = ['link', 'rsync'] as const
