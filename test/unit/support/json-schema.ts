interface Schema {
  $ref?: string
  anyOf?: Schema[]
  const?: string
  type?: string | string[]
  required?: string[]
  properties?: Record<string, Schema>
  items?: Schema
}

/**
 * Where `value` is not as a schema says, by path; of JSON Schema only what `Schema` names. `root`
 * is what `$ref` refers to.
 */
export function misfitsOf(value: unknown, schema: Schema, root: object, path = '$'): string[] {
  const { $ref, anyOf, const: constant, type, required = [], properties = {}, items } = schema
  if ($ref !== undefined) return misfitsOf(value, resolve($ref, root), root, path)
  if (anyOf?.every((choice) => misfitsOf(value, choice, root, path).length > 0)) {
    return [`${path} is none of what it may be`]
  }
  if (constant !== undefined && value !== constant) return [`${path} is not ${constant}`]
  if (type !== undefined && ![type].flat().includes(typeOf(value))) {
    return [`${path} is of type ${typeOf(value)}`]
  }
  if (Array.isArray(value)) {
    return items === undefined
      ? []
      : value.flatMap((item, index) => misfitsOf(item, items, root, `${path}[${index}]`))
  }
  if (typeof value !== 'object' || value === null) return []
  return [
    ...required
      .filter((key) => !Object.hasOwn(value, key))
      .map((key) => `${path}.${key} is missing`),
    ...Object.entries(value).flatMap(([key, part]) =>
      properties[key] === undefined ? [] : misfitsOf(part, properties[key], root, `${path}.${key}`),
    ),
  ]
}

function resolve(reference: string, root: object): Schema {
  const keys = reference.replace(/^#\//, '').split('/')
  const found = keys.reduce<unknown>(
    (part, key) => (part as Record<string, unknown> | undefined)?.[key],
    root,
  )
  if (found === undefined) throw new Error(`there is no ${reference}`)
  return found as Schema
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}
