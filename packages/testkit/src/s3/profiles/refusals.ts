import type { Operation } from "../Operation.ts"
import { bodyLength, peekText } from "../receive.ts"
import type { S3Call } from "../S3Call.ts"
import { S3Error, type S3ErrorCode } from "../S3Error.ts"
import { childText, parseXml } from "../Xml.ts"
import type { Quirk } from "./Profile.ts"

/** Refuses requests that carry such a header, as one that is not understood. */
export const refusesHeaders =
  (
    names: RegExp,
    code: S3ErrorCode,
    words: (name: string, value: string) => string,
    ops?: ReadonlyArray<Operation>
  ): Quirk =>
  () =>
  async (call, next) => {
    if (ops !== undefined && !ops.includes(call.op)) return next(call)
    for (const [name, value] of Object.entries(call.headers)) {
      if (names.test(name)) throw new S3Error(code, words(name, value))
    }
    return next(call)
  }

/** Refuses keys that a file system would read differently. */
export const refusesPathLikeKeys: Quirk = () => async (call, next) => {
  const segments = call.key.replace(/\/$/, "").split("/")
  if (call.key !== "" && segments.some((segment) => ["", ".", ".."].includes(segment))) {
    throw new S3Error("XMinioInvalidObjectName")
  }
  return next(call)
}

/** Answers 501 to operations that the provider does not have. */
export const lacks =
  (names: RegExp): Quirk =>
  () =>
  async (call, next) => {
    if (names.test(call.op)) throw new S3Error("NotImplemented", `${call.op} is not implemented.`)
    return next(call)
  }

/** Refuses bodies in such a framing. */
export const refusesFraming =
  (framing: RegExp, code: S3ErrorCode): Quirk =>
  () =>
  async (call, next) => {
    if (framing.test(call.payload)) throw new S3Error(code, `${call.payload} not implemented`)
    return next(call)
  }

/** Refuses checksums of the whole object, of all algorithms but those that have no other form. */
export const compositeOnly =
  (code: S3ErrorCode): Quirk =>
  () =>
  async (call, next) => {
    const { "x-amz-checksum-type": type, "x-amz-checksum-algorithm": algorithm = "" } = call.headers
    if (call.op === "CreateMultipartUpload" && type === "FULL_OBJECT" && !/^crc64nvme$/i.test(algorithm)) {
      throw new S3Error(code, `Header 'x-amz-checksum-type' with value '${type}' not implemented`)
    }
    return next(call)
  }

const bodies: ReadonlyArray<Operation> = ["PutObject", "UploadPart"]

/** Sizes beyond which the provider refuses: a body's before it is read, a multipart object's at Complete. */
export const upTo =
  ({ object, put }: { readonly object: number; readonly put: number }): Quirk =>
  ({ model }) =>
  async (call, next) => {
    if (bodies.includes(call.op) && bodyLength(call) > put) throw tooLarge(put)
    if (call.op !== "CompleteMultipartUpload") return next(call)
    const { listed, again } = await readList(call)
    const parts = model.uploads.get(call.uploadId ?? "")?.parts
    const size = listed.reduce((sum, number) => sum + (parts?.get(number)?.size ?? 0), 0)
    if (size > object) throw tooLarge(object)
    return next(again)
  }

const tooLarge = (limit: number): S3Error => new S3Error("EntityTooLarge", undefined, { MaxSizeAllowed: `${limit}` })

/** All listed parts have one size, but the last, which is not larger. */
export const equalParts: Quirk =
  ({ model }) =>
  async (call, next) => {
    if (call.op !== "CompleteMultipartUpload") return next(call)
    const { listed, again } = await readList(call)
    const parts = model.uploads.get(call.uploadId ?? "")?.parts
    const [first = 0, ...others] = listed.flatMap((number) => parts?.get(number)?.size ?? [])
    const last = others.pop() ?? 0
    if (others.some((size) => size !== first) || last > first) {
      throw new S3Error("InvalidPart", "All non-trailing parts must have the same length.")
    }
    return next(again)
  }

/** The part numbers that a Complete lists, and the call with its body to be read again. */
async function readList(call: S3Call): Promise<{ readonly listed: ReadonlyArray<number>; readonly again: S3Call }> {
  const { text, again } = await peekText(call)
  const listed = parseXml(text).children.map((part) => Number(childText(part, "PartNumber", "0")))
  return { listed, again }
}

const writes: ReadonlyArray<Operation> = ["PutObject", "CopyObject", "CompleteMultipartUpload"]
const SECOND = 1000

/** A key takes one write a second. */
export const oneWriteASecond: Quirk = ({ clock }) => {
  const written = new Map<string, number>()
  return async (call, next) => {
    if (!writes.includes(call.op)) return next(call)
    const name = JSON.stringify([call.bucket, call.key])
    if (clock() - (written.get(name) ?? Number.NEGATIVE_INFINITY) < SECOND) throw new S3Error("ServiceUnavailable")
    const response = await next(call)
    written.set(name, clock())
    return response
  }
}

/** Once a Complete has failed over its checksum, the next one is a 500, whatever it says. */
export const stumblesAfterBadDigest: Quirk = () => {
  const failed = new Set<string | undefined>()
  return async (call, next) => {
    if (call.op !== "CompleteMultipartUpload") return next(call)
    if (failed.delete(call.uploadId)) throw new S3Error("InternalError")
    return next(call).catch((error: unknown) => {
      if (error instanceof S3Error && error.code === "BadDigest") failed.add(call.uploadId)
      throw error
    })
  }
}
