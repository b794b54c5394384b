import { S3Error } from "../S3Error.ts"
import { encode } from "../Target.ts"

const MAX_PAGE = 1000

/** `max-keys` and its like: 0 to 1000, 1000 without it; larger numbers are taken for 1000. */
export const pageSize = (values: ReadonlyMap<string, string>, name: string): number =>
  Math.min(wholeNumber(values, name, MAX_PAGE), MAX_PAGE)

/** A number that a query or a header has under that name. */
export function wholeNumber(values: ReadonlyMap<string, string>, name: string, fallback: number): number {
  const text = values.get(name)
  if (text === undefined) return fallback
  if (/^\d{1,10}$/.test(text) && Number(text) < 2 ** 31) return Number(text)
  throw new S3Error("InvalidArgument", `Provided ${name} not an integer or within integer range`, {
    ArgumentName: name,
    ArgumentValue: text
  })
}

/** `encoding-type=url`: names percent-encoded, so that any byte survives XML. */
export function nameEncoder(query: ReadonlyMap<string, string>): (name: string) => string {
  const type = query.get("encoding-type")
  if (type === undefined) return (name) => name
  if (type !== "url") throw new S3Error("InvalidArgument", "Invalid Encoding Method specified in Request")
  return (name) => name.split("/").map(encode).join("/")
}

/** S3 sorts keys by their UTF-8 bytes; UTF-16 order differs beyond the basic plane. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

export interface Page<A> {
  readonly items: ReadonlyArray<A>
  readonly prefixes: ReadonlyArray<string>
  readonly truncated: boolean
  /** The last name or common prefix of the page. */
  readonly last: string | undefined
}

export interface PageRequest {
  readonly prefix: string
  readonly delimiter: string
  readonly max: number
}

/** One page of sorted items: filtered by prefix, names with the delimiter beyond it rolled up into common prefixes. */
export function pageOf<A>(
  sorted: Iterable<A>,
  nameOf: (item: A) => string,
  isAfterMarker: (name: string, item: A) => boolean,
  { prefix, delimiter, max }: PageRequest
): Page<A> {
  const items: Array<A> = []
  const prefixes: Array<string> = []
  let last: string | undefined
  for (const item of sorted) {
    const key = nameOf(item)
    if (!key.startsWith(prefix)) continue
    const cut = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length)
    const name = cut < 0 ? key : key.slice(0, cut + delimiter.length)
    if (!isAfterMarker(name, item) || (cut >= 0 && name === prefixes.at(-1))) continue
    if (items.length + prefixes.length >= max) return { items, prefixes, truncated: max > 0, last }
    if (cut < 0) items.push(item)
    else prefixes.push(name)
    last = name
  }
  return { items, prefixes, truncated: false, last }
}
