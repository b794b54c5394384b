import { S3Error } from "../S3Error.ts"
import { assertChildren, childText, childTexts, type XmlElement } from "../Xml.ts"

export interface CorsRule {
  readonly origins: ReadonlyArray<string>
  readonly methods: ReadonlyArray<string>
  readonly headers: ReadonlyArray<string>
  readonly exposed: ReadonlyArray<string>
  readonly maxAgeSeconds: number | undefined
}

/** What a browser asks: as a preflight, or with the request itself (then without headers). */
export interface CorsQuestion {
  readonly origin: string
  readonly method: string
  readonly headers: ReadonlyArray<string>
}

const MAX_RULES = 100
const methods: ReadonlyArray<string> = ["GET", "PUT", "HEAD", "POST", "DELETE"]

/** The rules of a `CORSConfiguration`, or S3's refusal of it. */
export function parseCors(root: XmlElement): ReadonlyArray<CorsRule> {
  assertChildren(root, "CORSRule")
  if (root.name !== "CORSConfiguration" || root.children.length === 0 || root.children.length > MAX_RULES) {
    throw new S3Error("MalformedXML")
  }
  return root.children.map(parseRule)
}

function parseRule(element: XmlElement): CorsRule {
  assertChildren(element, "ID", "AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader", "MaxAgeSeconds")
  const texts = (name: string) => childTexts(element, name)
  const maxAge = childText(element, "MaxAgeSeconds", "")
  const rule = {
    origins: texts("AllowedOrigin"),
    methods: texts("AllowedMethod"),
    headers: texts("AllowedHeader"),
    exposed: texts("ExposeHeader"),
    maxAgeSeconds: maxAge === "" ? undefined : Number(maxAge)
  }
  if (rule.origins.length === 0 || rule.methods.length === 0 || !/^\d*$/.test(maxAge)) {
    throw new S3Error("MalformedXML")
  }
  const unknown = rule.methods.find((method) => !methods.includes(method))
  if (unknown !== undefined) {
    const message = `Found unsupported HTTP method in CORS config. Unsupported method is ${unknown}`
    throw new S3Error("InvalidRequest", message)
  }
  for (const [name, patterns] of [
    ["AllowedOrigin", rule.origins],
    ["AllowedHeader", rule.headers]
  ] as const) {
    const wild = patterns.find((pattern) => pattern.split("*").length > 2)
    if (wild !== undefined) {
      throw new S3Error("InvalidRequest", `${name} "${wild}" can not have more than one wildcard.`)
    }
  }
  const named = [...rule.headers.map((pattern) => pattern.replace("*", "")), ...rule.exposed]
  const broken = named.find((name) => name !== "" && !/^[\w!#$%&'*+.^`|~-]+$/.test(name))
  if (broken !== undefined) throw new S3Error("InvalidRequest", `"${broken}" is no name of a header.`)
  const wild = rule.exposed.find((name) => name.includes("*"))
  if (wild === undefined) return rule
  const message = `ExposeHeader "${wild}" contains wildcard. We currently do not support wildcard for ExposeHeader.`
  throw new S3Error("InvalidRequest", message)
}

/** The answer's headers by the first rule that allows what is asked; `undefined` if none does. */
export function corsAnswer(rules: ReadonlyArray<CorsRule>, question: CorsQuestion): Record<string, string> | undefined {
  const rule = rules.find((candidate) => allows(candidate, question))
  if (rule === undefined) return undefined
  const anyone = rule.origins.includes("*")
  return {
    "access-control-allow-origin": anyone ? "*" : question.origin,
    "access-control-allow-methods": rule.methods.join(", "),
    ...(question.headers.length === 0 ? {} : { "access-control-allow-headers": question.headers.join(", ") }),
    ...(rule.exposed.length === 0 ? {} : { "access-control-expose-headers": rule.exposed.join(", ") }),
    ...(rule.maxAgeSeconds === undefined ? {} : { "access-control-max-age": `${rule.maxAgeSeconds}` }),
    ...(anyone ? {} : { "access-control-allow-credentials": "true" }),
    vary: "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
  }
}

const allows = (rule: CorsRule, { origin, method, headers }: CorsQuestion): boolean =>
  rule.origins.some((pattern) => matches(pattern, origin)) &&
  rule.methods.includes(method) &&
  headers.every((name) => rule.headers.some((pattern) => matches(pattern.toLowerCase(), name.toLowerCase())))

/** At most one `*` stands for any run of characters. */
function matches(pattern: string, text: string): boolean {
  const [before = "", after] = pattern.split("*")
  if (after === undefined) return text === pattern
  return text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after)
}
