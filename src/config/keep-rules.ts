/** What SNAP_KEEP_* say: how many buckets of each kind keep a snapshot; 0 for none. */
export interface KeepRules {
  last: number
  hourly: number
  daily: number
  weekly: number
  monthly: number
  yearly: number
  /** Everything younger than that, counted back from the newest snapshot; 0 for nothing. */
  withinMs: number
}

export const noRules: KeepRules = {
  last: 0,
  hourly: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  withinMs: 0,
}

/** Which snapshots stay by SNAP_KEEP_*. */
export interface KeepPolicy {
  rules: KeepRules
  /** No more than that, where SNAP_MAX was set beside them. */
  cap?: number | undefined
}
