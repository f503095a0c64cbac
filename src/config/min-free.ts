/** What has to stay free in the store: a share of its space and of its inodes, or so many bytes. */
export type MinFree = { percent: number } | { bytes: number }

const unitBytes = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 } as const

/** `10%`, `20G`, `500M` or a number of bytes. */
export function parseMinFree(text: string): MinFree | undefined {
  const share = /^([0-9]{1,2})%$/.exec(text)
  if (share !== null) return { percent: Number(share[1]) }
  const size = /^([0-9]{1,15})([KMGT]?)$/.exec(text)
  if (size === null) return undefined
  return { bytes: Number(size[1]) * unitBytes[size[2] as keyof typeof unitBytes] }
}

export function formatMinFree(minFree: MinFree): string {
  return 'percent' in minFree ? `${minFree.percent}%` : String(minFree.bytes)
}
