/** Printed by every failure; set it to kill at the same instants again. */
export const seed = Number(process.env['SNAP_VOLUME_TEST_SEED'] ?? Date.now() % 1_000_000)

export type Random = () => number

/** Numbers from 0 to 1 that are the same for the same seed and name (mulberry32). */
export function randomOf(name: string): Random {
  let state = seed
  for (const character of name) state = Math.imul(state ^ character.charCodeAt(0), 0x9e3779b1)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
