/**
 * A count and what it is of, as `counted(1, '{file|files} {was|were} copied')`: of each pair the
 * one for it.
 */
export function counted(count: number, text: string): string {
  const fitting = text.replace(/\{([^{|}]*)\|([^{|}]*)\}/g, (_, one: string, many: string) =>
    count === 1 ? one : many,
  )
  return `${count} ${fitting}`
}
