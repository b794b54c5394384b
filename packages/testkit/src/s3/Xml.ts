import { S3Error } from "./S3Error.ts"

/**
 * Element name → text, a nested element, or several elements of that name. `undefined` leaves it out. Under the empty
 * name stand further fields: elements of several names in an order of their own. A name may carry attributes.
 */
export interface XmlFields {
  readonly [name: string]: XmlContent | ReadonlyArray<XmlContent> | undefined
}
type XmlContent = string | number | boolean | XmlFields

const NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

/** A whole document in S3's namespace. Errors alone have none, as on S3. */
export function xmlDocument(root: string, content: XmlFields | string): string {
  const namespace = root === "Error" ? "" : ` xmlns="${NAMESPACE}"`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${namespace}>${xmlContent(content)}</${root}>`
}

const xmlContent = (content: XmlContent): string =>
  typeof content === "object" ? xmlFields(content) : escape(`${content}`)

function xmlFields(fields: XmlFields): string {
  let xml = ""
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    for (const content of isList(value) ? value : [value]) {
      xml += name === "" ? xmlContent(content) : `<${name}>${xmlContent(content)}</${name.split(" ", 1)[0]}>`
    }
  }
  return xml
}

const isList = (value: XmlContent | ReadonlyArray<XmlContent>): value is ReadonlyArray<XmlContent> =>
  Array.isArray(value)

/** Control characters go as references, as S3 sends them: not XML 1.0, which is why clients ask for `encoding-type=url`. */
const escape = (text: string): string =>
  text.replace(/[&<>"\p{Cc}]/gu, (char) => entities[char] ?? `&#x${char.charCodeAt(0).toString(16)};`)

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }

/** A parsed element: either text or children, never both. */
export interface XmlElement {
  readonly name: string
  readonly text: string
  readonly children: ReadonlyArray<XmlElement>
}

const token =
  /<\?xml[^>]*\?>|<(\/?)([A-Za-z_][\w.:-]*)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/gy

/** Parses the small XML that S3 clients send. No DTD, comments, CDATA or mixed content: those are MalformedXML. */
export function parseXml(text: string): XmlElement {
  const document: OpenElement = { name: "", text: "", children: [] }
  const open: Array<OpenElement> = [document]
  token.lastIndex = 0
  for (let at = 0; at < text.length; at = token.lastIndex) {
    const match = token.exec(text)
    const parent = open.at(-1)
    if (match === null || parent === undefined) throw new S3Error("MalformedXML")
    const [, closing, name, , empty, characters] = match
    if (characters !== undefined) parent.text += unescape(characters)
    else if (name === undefined) assert(at === 0)
    else if (closing === "/") {
      assert(parent.name === name && (parent.children.length === 0 || parent.text.trim() === ""))
      open.pop()
    } else {
      const element: OpenElement = { name, text: "", children: [] }
      parent.children.push(element)
      if (empty !== "/") open.push(element)
    }
  }
  const [root, ...others] = document.children
  if (root === undefined || others.length > 0 || open.length !== 1 || document.text.trim() !== "") {
    throw new S3Error("MalformedXML")
  }
  return root
}

interface OpenElement {
  readonly name: string
  text: string
  readonly children: Array<OpenElement>
}

function assert(holds: boolean): void {
  if (!holds) throw new S3Error("MalformedXML")
}

const references: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }

function unescape(text: string): string {
  return text.replace(/&([^;]*);?/g, (whole, name: string) => {
    const code = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(name)
    const point = code === null ? Number.NaN : code[1] === undefined ? Number(code[2]) : Number.parseInt(code[1], 16)
    const char = point <= 0x10ffff ? String.fromCodePoint(point) : references[name]
    if (char === undefined || !whole.endsWith(";")) throw new S3Error("MalformedXML")
    return char
  })
}

/** The text of the only child of that name; without a fallback its absence is MalformedXML. */
export function childText(element: XmlElement, name: string, fallback?: string): string {
  const [child, ...others] = element.children.filter((candidate) => candidate.name === name)
  const text = child === undefined ? fallback : child.text
  if (text === undefined || others.length > 0 || (child?.children.length ?? 0) > 0) throw new S3Error("MalformedXML")
  return text
}

/** The only child of that name, if there is one. */
export function childOf(element: XmlElement, name: string): XmlElement | undefined {
  const [child, ...others] = element.children.filter((candidate) => candidate.name === name)
  if (others.length > 0) throw new S3Error("MalformedXML")
  return child
}

/** The texts of all children of that name. */
export const childTexts = (element: XmlElement, name: string): ReadonlyArray<string> =>
  element.children.filter((child) => child.name === name).map((child) => child.text.trim())

/** Refuses children that do not belong there: a rule we would ignore is a rule that fails its owner. */
export function assertChildren(element: XmlElement, ...names: ReadonlyArray<string>): void {
  if (element.children.some(({ name }) => !names.includes(name))) throw new S3Error("MalformedXML")
}

/** An element's content as fields again, in its own order. */
export const fieldsOf = ({ text, children }: XmlElement): XmlFields | string =>
  children.length === 0 ? text.trim() : { "": children.map((child) => ({ [child.name]: fieldsOf(child) })) }
