/**
 * Whether a request can be sent to `text`: an address with a server, and without what can be sent
 * nowhere, such as a comma between two addresses, a port 0, or a lone % in a name or password.
 */
export function isServerAddress(text: string): boolean {
  if (!/^[a-z]+:\/\/[^/]/i.test(text) || !URL.canParse(text)) return false
  if (/[,;|]$|[,;|][a-z+]+:\/\//i.test(text)) return false

  const { hostname, port, username, password } = new URL(text)
  return (
    /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)$/i.test(hostname) &&
    port !== '0' &&
    [username, password].every((part) => decode(part) !== undefined)
  )
}

/** Undefined where a % is not that of two digits. */
export function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
