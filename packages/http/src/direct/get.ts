/**
 * `GET` and `HEAD /objects/:name`: the object, or a range of it, as a download.
 *
 * @module
 */
import type { ByteRange, ObjectContent } from "@sluice/core/promise"
import { isUploadError, type ReasonTag, type UploadError, uploadError } from "@sluice/core/UploadError"
import { problem } from "../problem.ts"
import type { Direct } from "./Direct.ts"
import { downloadHeaders } from "./download-headers.ts"
import { ifRange, isSatisfiable, parseRange, precondition, quoted } from "./range.ts"

/** 200, 206, 304; 404, 412, 416. Hono answers HEAD by GET's handler, so that both live here. */
export const get = async (direct: Direct): Promise<Response> => {
  if (direct.request.method === "HEAD") return head(direct)
  const content = await open(direct)
  if (content instanceof Response) return content
  const decided = decide(direct, content.etag)
  if (decided !== undefined) {
    await content.body.cancel()
    return decided
  }
  const headers = downloadHeaders(direct.name, content)
  headers.set("Content-Length", String(content.contentLength))
  if (content.contentRange !== undefined) headers.set("Content-Range", content.contentRange)
  return new Response(content.body, { status: content.contentRange === undefined ? 200 : 206, headers })
}

const head = async (direct: Direct): Promise<Response> => {
  const found = await direct.sluice.head(direct.key)
  const decided = decide(direct, found.etag)
  if (decided !== undefined) return decided
  const headers = downloadHeaders(direct.name, found)
  headers.set("Content-Length", String(found.size))
  return new Response(null, { headers })
}

const decide = ({ request }: Direct, etag: string): Response | undefined => {
  const status = precondition(request.headers, etag)
  if (status === 412) {
    throw uploadError({ _tag: "PreconditionFailed", message: "the object is not the one that If-Match names" })
  }
  return status === undefined ? undefined : new Response(null, { status, headers: { ETag: quoted(etag) } })
}

/** The bytes asked for; the whole object where the range was meant for another version of it (If-Range). */
const open = async (direct: Direct): Promise<ObjectContent | Response> => {
  const { key, request, signal, sluice } = direct
  const condition = ifRange(request.headers.get("if-range"))
  const range = condition === "whole" ? undefined : parseRange(request.headers.get("range"))
  if (range === undefined) return sluice.get(key, { signal })
  try {
    return await sluice.get(key, { range, signal, ifMatch: condition === "whole" ? undefined : condition?.etag })
  } catch (error) {
    if (!isUploadError(error)) throw error
    if (error.reason._tag === "PreconditionFailed") return sluice.get(key, { signal })
    return await unsatisfiable(direct, range, error)
  }
}

/** Stores say in many ways that a range holds no byte, so the object's size decides (RFC 9110 §15.5.17 wants it anyway). */
const unsatisfiable = async ({ key, sluice }: Direct, range: ByteRange, error: UploadError): Promise<Response> => {
  if (!maybeRange.has(error.reason._tag)) throw error
  const { size } = await sluice.head(key)
  if (isSatisfiable(range, size)) throw error
  return problem({
    status: 416,
    reason: "RangeNotSatisfiable",
    title: "Range not satisfiable",
    detail: `the object has ${size} bytes, none of them in the range asked for`,
    headers: { "Content-Range": `bytes */${size}` }
  })
}

const maybeRange: ReadonlySet<ReasonTag> = new Set(["InvalidRequest", "UnknownStoreError", "InvalidResponse"])
