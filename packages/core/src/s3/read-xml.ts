/**
 * The XML of S3's answers: elements and text. Namespaces are dropped, attributes skipped; a document type is refused, and
 * with it every entity but the five of XML and character references (W3C XML 1.0, section 4.6).
 *
 * @module
 */

/** An element, by its local name. */
export interface XmlElement {
  readonly name: string
  /** Its own text, entities resolved. */
  readonly text: string
  readonly children: ReadonlyArray<XmlElement>
}

interface OpenElement {
  /** As it stands in the document, prefix included. */
  readonly tag: string
  text: string
  readonly children: Array<XmlElement>
}

/** Nothing of S3's is deeper than five. */
const deepest = 32

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }

const character = (reference: string): string | undefined => {
  const code = reference.startsWith("#x") ? Number.parseInt(reference.slice(2), 16) : Number(reference.slice(1))
  return Number.isInteger(code) && code <= 0x10ffff ? String.fromCodePoint(code) : undefined
}

/** Text with its references resolved; undefined where one is not known. */
const resolved = (text: string): string | undefined => {
  let known = true
  const plain = text.replace(/&([^&;]*)(;?)/g, (whole, reference: string, end: string) => {
    const meant =
      end === ""
        ? undefined
        : /^#(x[0-9a-f]+|\d+)$/i.test(reference)
          ? character(reference.toLowerCase())
          : entities[reference]
    if (meant === undefined) known = false
    return meant ?? whole
  })
  return known ? plain : undefined
}

/** A token: prolog or instruction, comment, CDATA, a tag, or text. */
const token =
  /<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)([A-Za-z_][\w.:-]*)((?:\s+[^\s=<>/]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/y

/** The root of a document, or undefined where the text is none. */
export const readXml = (document: string): XmlElement | undefined => {
  const root: OpenElement = { tag: "", text: "", children: [] }
  const open: Array<OpenElement> = [root]
  const text = document.replace(/^\uFEFF/, "")
  for (let at = 0; at < text.length; ) {
    token.lastIndex = at
    const match = token.exec(text)
    const parent = open.at(-1)
    if (match === null || parent === undefined) return undefined
    at = token.lastIndex
    const [, cdata, closes, tag, , empty, plain] = match
    if (plain !== undefined || cdata !== undefined) {
      const more = cdata ?? resolved(plain ?? "")
      if (more === undefined || (parent === root && more.trim() !== "")) return undefined
      parent.text += more
    } else if (tag !== undefined && closes === "/") {
      if (parent === root || parent.tag !== tag) return undefined
      open.pop()
      open.at(-1)?.children.push(closed(parent))
    } else if (tag !== undefined) {
      if (open.length > deepest || (parent === root && root.children.length > 0)) return undefined
      const element = { tag, text: "", children: [] }
      if (empty === "/") parent.children.push(closed(element))
      else open.push(element)
    }
  }
  // It is there once it is closed.
  return root.children[0]
}

const closed = ({ tag, text, children }: OpenElement): XmlElement => ({
  name: tag.slice(tag.indexOf(":") + 1),
  text,
  children
})

/** The text of the first child of that name. */
export const textOf = (element: XmlElement | undefined, name: string): string | undefined =>
  element?.children.find((child) => child.name === name)?.text

/** All children of that name. */
export const all = (element: XmlElement, name: string): ReadonlyArray<XmlElement> =>
  element.children.filter((child) => child.name === name)
