import type { S3Response } from "../message.ts"
import type { Operation } from "../Operation.ts"
import type { S3Call } from "../S3Call.ts"
import { S3Error, type S3ErrorCode } from "../S3Error.ts"
import type { Quirk } from "./Profile.ts"

/** Does as if such headers had not been sent, with these operations or with any. */
export const ignores =
  (names: RegExp, ops?: ReadonlyArray<Operation>): Quirk =>
  () =>
  async (call, next) => {
    if (ops !== undefined && !ops.includes(call.op)) return next(call)
    const kept = Object.entries(call.headers).filter(([name]) => !names.test(name))
    return next({ ...call, headers: Object.fromEntries(kept) })
  }

/** Some refusals have another code. */
export const renames =
  (from: S3ErrorCode, to: S3ErrorCode, which: (call: S3Call, error: S3Error) => boolean): Quirk =>
  () =>
  async (call, next) =>
    next(call).catch((error: unknown) => {
      if (!(error instanceof S3Error) || error.code !== from || !which(call, error)) throw error
      throw new S3Error(to, undefined, error.details)
    })

/** Aborting what is not there succeeds. */
export const abortsTheUnknown: Quirk = () => async (call, next) =>
  next(call).catch((error: unknown) => {
    if (call.op !== "AbortMultipartUpload" || !(error instanceof S3Error) || error.code !== "NoSuchUpload") throw error
    return { status: 204, headers: {} }
  })

/** Answers without the header, though what it says was done. */
export const withholds =
  (op: Operation, header: string): Quirk =>
  () =>
  async (call, next) => {
    const response = await next(call)
    if (call.op !== op) return response
    const { [header]: _, ...headers } = response.headers
    return { ...response, headers }
  }

/** Open uploads are found by an empty prefix or by their whole key, which stands first among those it begins. */
export const exactUploadPrefix: Quirk = () => async (call, next) => {
  const response = await next(call)
  const { body } = response
  if (call.op !== "ListMultipartUploads" || (call.query.get("prefix") ?? "") === "" || typeof body !== "string") {
    return response
  }
  const key = `<Key>${/<Prefix>(.*?)<\/Prefix>/s.exec(body)?.[1]}</Key>`
  const exact = body
    .replace(/<Upload>.*?<\/Upload>/gs, (upload) => (upload.includes(key) ? upload : ""))
    .replace(/<CommonPrefixes>.*?<\/CommonPrefixes>/gs, "")
  return exact === body ? response : { ...response, body: exact.replace("<IsTruncated>true<", "<IsTruncated>false<") }
}

/** Of open uploads a page goes on after one of them, never after a key alone. */
export const noPageAfterKeys: Quirk = () => async (call, next) => {
  if (call.op !== "ListMultipartUploads" || call.query.has("upload-id-marker")) return next(call)
  return next({ ...call, query: new Map([...call.query].filter(([name]) => name !== "key-marker")) })
}

const md5OfParts = /[0-9a-f]{32}-\d+/g

/** A multipart ETag that is no digest: the same whenever it is asked for, and understood when it comes back. */
export const opaqueETags: Quirk = () => async (call, next) => {
  const headers = Object.fromEntries(
    Object.entries(call.headers).map(([name, value]) =>
      /^(x-amz-copy-source-)?if-(none-)?match$/.test(name) ? [name, value.replace(opaque, revealed)] : [name, value]
    )
  )
  return concealed(await next({ ...call, headers }))
}

const opaque = /C[\w-]+=/g

/** Reversed and in another alphabet, so that nobody takes it for an MD5. */
const conceal = (etag: string): string => `C${Buffer.from(etag).reverse().toString("base64url")}=`
const revealed = (token: string): string => Buffer.from(token.slice(1, -1), "base64url").reverse().toString()

function concealed(response: S3Response): S3Response {
  const { headers, body } = response
  const etag = headers["etag"]
  return {
    ...response,
    headers: etag === undefined ? headers : { ...headers, etag: etag.replace(md5OfParts, conceal) },
    ...(typeof body === "string"
      ? { body: body.replace(/<ETag>.*?<\/ETag>/g, (element) => element.replace(md5OfParts, conceal)) }
      : {})
  }
}
