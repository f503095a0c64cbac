import { decode, isServerAddress } from './server-address.ts'

/**
 * Who is told: a service that takes JSON, one that misses pings, a monitor that takes a GET, or
 * people by e-mail.
 */
export type NotifyTarget =
  | { kind: 'post' | 'ping' | 'push'; url: string }
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
  const [, kind = 'post', text = ''] = /^(?:(ping|push)\+)?(.*)$/s.exec(word) ?? []
  if (!isServerAddress(text)) return undefined
  const url = new URL(text)
  if (isWebAddress(url)) return { kind: kind as 'post' | 'ping' | 'push', url: text }
  if (kind !== 'post' || !/^smtps?:$/.test(url.protocol)) return undefined

  const from = readParameter(url, 'from')
  const to = readParameter(url, 'to')
  if (!isMailAddress(from) || !isMailAddress(to)) return undefined

  url.search = ''
  return { kind: 'mail', url: url.href, from, to }
}

function isWebAddress({ protocol }: URL): boolean {
  return /^https?:$/.test(protocol)
}

/** Those of the targets that are told over the web. */
export function webAddressesOf(targets: readonly NotifyTarget[]): URL[] {
  return targets.map(({ url }) => new URL(url)).filter(isWebAddress)
}

/** A + is one: nobody writes a blank in the address of a mailbox, which it is in a form. */
function readParameter({ search }: URL, name: string): string | undefined {
  const pair = search
    .slice(1)
    .split('&')
    .find((each) => each.startsWith(`${name}=`))
  return pair === undefined ? undefined : decode(pair.slice(name.length + 1))
}

function isMailAddress(text: string | undefined): text is string {
  return text !== undefined && /^[^\s<>@,;]+@[^\s<>@,;]+$/.test(text)
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
