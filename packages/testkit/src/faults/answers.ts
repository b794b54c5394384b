import type { S3Response, S3Stream } from "../s3/message.ts"
import { xmlDocument } from "../s3/Xml.ts"
import { collect, streamOf } from "./bytes.ts"
import type { RequestFault } from "./FaultRule.ts"

type Headers = S3Response["headers"]

/** Lets go of an answer nobody will send. */
export async function discard({ body }: S3Response): Promise<void> {
  if (typeof body === "object") await body.return?.()
}

/** An answer whose bytes are changed on their way; `shorter` where its length would be a lie. */
export function withBody(
  response: S3Response,
  change: (bytes: AsyncIterable<Uint8Array>, length?: number) => S3Stream,
  shorter: boolean
): S3Response {
  const { headers, body = "" } = response
  const bytes = typeof body === "string" ? streamOf([body]) : body
  const length = typeof body === "string" ? Buffer.byteLength(body) : Number(headers["content-length"] ?? Number.NaN)
  return {
    ...response,
    headers: shorter ? without(headers, isFraming) : headers,
    body: change(bytes, Number.isNaN(length) ? undefined : length)
  }
}

/** S3 sends the status and the XML declaration at once, spaces while it works, and only then how it ended. */
export function lateError(action: Extract<RequestFault, { type: "ok200WithError" }>): S3Response {
  const document = xmlDocument("Error", { Code: action.code, Message: "A fault, injected." })
  const text = `${document}${action.trailingNewline === true ? "\n" : ""}`
  const headers = { "content-type": "application/xml" }
  if (action.keepAliveWhitespace !== true) return { status: 200, headers, body: text }
  const [declaration, rest] = splitDeclaration(text)
  return { status: 200, headers, body: streamOf([declaration, "   ", "   ", rest]) }
}

/** An answer of XML, after so many pieces of white space. */
export async function withWhiteSpace(
  response: S3Response,
  times: number,
  wait: () => Promise<void>
): Promise<S3Response> {
  const [declaration, rest] = splitDeclaration(await textOf(response))
  async function* body(): S3Stream {
    yield Buffer.from(declaration)
    for (let i = 0; i < times; i++) {
      await wait()
      yield Buffer.from(" ")
    }
    yield Buffer.from(rest)
    return undefined
  }
  return { ...response, headers: without(response.headers, isFraming), body: body() }
}

/** Nothing may stand before an XML declaration, white space included. */
function splitDeclaration(text: string): readonly [string, string] {
  const end = /^<\?xml[^>]*>\n?/.exec(text)?.[0].length ?? 0
  return [text.slice(0, end), text.slice(end)]
}

const WRONG_ETAG = "0".repeat(32)

export async function withWrongETag(response: S3Response): Promise<S3Response> {
  const { etag } = response.headers
  const headers = etag === undefined ? response.headers : { ...response.headers, etag: `"${WRONG_ETAG}"` }
  if (!isXml(response)) return { ...response, headers }
  const body = await textOf(response)
  return {
    ...response,
    headers,
    body: body.replace(/(<ETag>(?:&quot;|&#34;|")?)[0-9a-f]{32}/g, `$1${WRONG_ETAG}`)
  }
}

/** A digest of other bytes, as long as the right one. */
const wrongDigest = (digest: string): string => {
  const [base64 = "", parts] = digest.split("-")
  const wrong = Buffer.alloc(Buffer.from(base64, "base64").length).toString("base64")
  return parts === undefined ? wrong : `${wrong}-${parts}`
}

export async function withWrongChecksum(response: S3Response): Promise<S3Response> {
  const headers = Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [
      name,
      /^x-amz-checksum-(?!type$)/.test(name) ? wrongDigest(value) : value
    ])
  )
  if (!isXml(response)) return { ...response, headers }
  const body = await textOf(response)
  return { ...response, headers, body: body.replace(/(?<=<Checksum(?!Type)\w+>)[^<]+/g, wrongDigest) }
}

const isXml = ({ headers }: S3Response): boolean => /\bxml\b/.test(headers["content-type"] ?? "")

const textOf = async ({ body = "" }: S3Response): Promise<string> =>
  typeof body === "string" ? body : (await collect(body)).toString()

export const isEncryption = (name: string): boolean => name.startsWith("x-amz-server-side-encryption")
const isFraming = (name: string): boolean => name === "content-length"

export const without = (headers: Headers, drop: (name: string) => boolean): Headers =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !drop(name)))
