/**
 * `GET` and `HEAD /objects/:name`: the object, or a range of it, as a download.
 *
 * @module
 */
import type { ByteRange } from "@sluice/core/promise"
import { isUploadError, type ReasonTag, type UploadError, uploadError } from "@sluice/core/UploadError"
import { HttpProblem } from "../problem.ts"
import type { Direct } from "./Direct.ts"
import { downloadHeaders } from "./download-headers.ts"
import { exactBody } from "./exact-body.ts"
import { type Look, type ObjectReader, type Opened, objectReader } from "./ObjectReader.ts"
import { ifRange, isSatisfiable, parseRange, precondition, quoted } from "./range.ts"

/**
 * 200, 206, 304; 404, 412, 416, 501. Hono answers HEAD by GET's handler, so that both live here.
 *
 * The ETag is that of the stored object, and strong: plugins make the same bytes of the same object, and nothing else is
 * ever sent under its name.
 */
export const get = async (direct: Direct): Promise<Response> => {
  const reader = await objectReader(direct)
  if (direct.request.method === "HEAD") {
    const look = await reader.look()
    return decide(direct, look) ?? new Response(null, { headers: headersOf(direct, look, look.wholeSize) })
  }
  const opened = await open(direct, reader)
  const { contentRange, size, stream } = opened
  let body = stream
  try {
    const decided = decide(direct, opened)
    if (decided !== undefined) {
      await stream.cancel()
      return decided
    }
    body = await exactBody(stream, size, direct.onBroken)
  } catch (error) {
    if (!stream.locked) await stream.cancel()
    throw error
  }
  const headers = headersOf(direct, opened, size)
  if (contentRange !== undefined) headers.set("Content-Range", contentRange)
  return new Response(body, { status: contentRange === undefined ? 200 : 206, headers })
}

const headersOf = ({ name }: Direct, { head, wholeSize }: Look, size: number | undefined): Headers => {
  const headers = downloadHeaders(name, head)
  headers.set("Accept-Ranges", wholeSize === undefined ? "none" : "bytes")
  if (size !== undefined) headers.set("Content-Length", String(size))
  return headers
}

const decide = ({ request }: Direct, { head: { etag } }: Look): Response | undefined => {
  const status = precondition(request.headers, etag)
  if (status === 412) {
    throw uploadError({ _tag: "PreconditionFailed", message: "the object is not the one that If-Match names" })
  }
  return status === undefined ? undefined : new Response(null, { status, headers: { ETag: quoted(etag) } })
}

/** The bytes asked for; the whole object where the range was meant for another version of it (If-Range). */
const open = async ({ request }: Direct, reader: ObjectReader): Promise<Opened> => {
  const condition = ifRange(request.headers.get("if-range"))
  const range = condition === "whole" ? undefined : parseRange(request.headers.get("range"))
  if (range === undefined) return reader.open()
  try {
    return await reader.open({ range, ifMatch: condition === "whole" ? undefined : condition?.etag })
  } catch (error) {
    if (!isUploadError(error)) throw error
    if (error.reason._tag === "PreconditionFailed") return reader.open()
    return unsatisfiable(reader, range, error)
  }
}

/**
 * Stores say in many ways that a range holds no byte, so the object's size decides (RFC 9110 §15.5.17 wants it anyway).
 * Where nobody knows the size, all of it is sent (§14.2: a range may be ignored).
 */
const unsatisfiable = async (reader: ObjectReader, range: ByteRange, error: UploadError): Promise<Opened> => {
  if (!maybeRange.has(error.reason._tag)) throw error
  const { wholeSize } = await reader.look()
  if (wholeSize === undefined) return reader.open()
  if (isSatisfiable(range, wholeSize)) throw error
  throw new HttpProblem({
    status: 416,
    reason: "RangeNotSatisfiable",
    title: "Range not satisfiable",
    detail: `the object has ${wholeSize} bytes, none of them in the range asked for`,
    headers: { "Content-Range": `bytes */${wholeSize}` }
  })
}

const maybeRange: ReadonlySet<ReasonTag> = new Set(["InvalidRequest", "UnknownStoreError", "InvalidResponse"])
