/** The engines one may ask for; `auto` leaves the choice to the program. */
export const engineChoices = ['auto', 'link', 'rsync', 'btrfs'] as const
export type EngineChoice = (typeof engineChoices)[number]
export type EngineName = Exclude<EngineChoice, 'auto'>

/** What is done where something cannot be read: no snapshot, or one without it that says so. */
export const unreadablePolicies = ['fail', 'flag'] as const
export type UnreadablePolicy = (typeof unreadablePolicies)[number]

/** What is done to the containers that write the data while a snapshot reads them. */
export const quiescePolicies = ['none', 'pause', 'stop'] as const
export type QuiescePolicy = (typeof quiescePolicies)[number]

/** Whether retention waits for somebody who looks where it would remove many at once. */
export const prunePolicies = ['careful', 'always'] as const
export type PrunePolicy = (typeof prunePolicies)[number]
