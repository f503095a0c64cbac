/** Who is told: a service that takes JSON, one that misses pings, or people by e-mail. */
export type NotifyTarget =
  | { kind: 'post'; url: string }
  | { kind: 'ping'; url: string }
  | { kind: 'mail'; url: string; from: string; to: string }

/** What a template may name. */
export const templateFields = [
  'event',
  'title',
  'message',
  'host',
  'store',
  'snapshot',
  'time',
] as const
export type TemplateField = (typeof templateFields)[number]

/** Undefined unless each of the words is one. */
export function parseNotifyTargets(text: string): NotifyTarget[] | undefined {
  const targets = text
    .split(/\s+/)
    .filter((word) => word !== '')
    .map(parseTarget)
  return targets.every((target) => target !== undefined) ? targets : undefined
}

function parseTarget(word: string): NotifyTarget | undefined {
  const isPing = word.startsWith('ping+')
  const text = isPing ? word.slice('ping+'.length) : word
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  if (/^https?:$/.test(url.protocol)) return { kind: isPing ? 'ping' : 'post', url: text }
  if (isPing || !/^smtps?:$/.test(url.protocol)) return undefined
  const from = url.searchParams.get('from')
  const to = url.searchParams.get('to')
  if (url.hostname === '' || !isMailAddress(from) || !isMailAddress(to)) return undefined
  url.search = ''
  return { kind: 'mail', url: url.href, from, to }
}

function isMailAddress(text: string | null): text is string {
  return text !== null && /^[^\s<>@]+@[^\s<>@]+$/.test(text)
}

/** Undefined unless it is JSON whatever the fields are, and names no others. */
export function parseTemplate(text: string): string | undefined {
  const names = [...text.matchAll(/\{\{(.*?)\}\}/g)].map(([, name]) => name)
  if (!names.every((name) => templateFields.some((field) => field === name))) return undefined
  try {
    JSON.parse(fillTemplate(text, () => '"\\\n'))
    return text
  } catch {
    return undefined
  }
}

/** Puts values into the texts of a JSON document. */
export function fillTemplate(template: string, valueOf: (field: TemplateField) => string): string {
  return template.replaceAll(/\{\{(\w+)\}\}/g, (_, field: TemplateField) =>
    JSON.stringify(valueOf(field)).slice(1, -1),
  )
}
