/**
 * Whole objects: PUT, HEAD, GET, DELETE; and whether the bucket is there.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { normalizeEtag } from "../Checksum.ts"
import type { ByteRange, ObjectStoreApi } from "../ObjectStore.ts"
import type { Caller } from "./caller.ts"
import { checksumField, checksumInput } from "./checksum-fields.ts"
import { attributeInput, checksumOf, fullCrc32, headOf } from "./object-attributes.ts"
import { confirmPayload, describePayload } from "./payload.ts"

const rangeHeader = (range: ByteRange): string =>
  "suffix" in range ? `bytes=-${range.suffix}` : `bytes=${range.start}-${range.end ?? ""}`

type ObjectVerbs = Pick<ObjectStoreApi, "putObject" | "headObject" | "getObject" | "deleteObject" | "headBucket">

export const objectVerbs = ({ bucket, capabilities, signed, call, must }: Caller): ObjectVerbs => ({
  putObject: Effect.fnUntraced(function* (input) {
    const { key, body, crc32, checksum, attempt, onActivity } = input
    const at = { key }
    const payload = yield* describePayload(body, capabilities, signed)
    const answer = yield* call(
      "PutObject",
      at,
      {
        Bucket: bucket,
        Key: key,
        ...attributeInput(input),
        ...checksumInput(capabilities, crc32, checksum),
        ...(input.ifNoneMatch === undefined ? {} : { IfNoneMatch: input.ifNoneMatch }),
        ...(input.ifMatch === undefined ? {} : { IfMatch: `"${normalizeEtag(input.ifMatch)}"` })
      },
      { payload, onActivity, freshConnection: attempt > 1 }
    )
    const etag = yield* must(answer.ETag, "ETag", "PutObject", at)
    const encryption = answer.ServerSideEncryption
    const shown = { etag, encryption, checksum: answer[checksumField[checksum?.algorithm ?? "CRC32"]] }
    return {
      etag: normalizeEtag(etag),
      confirmed: yield* confirmPayload(payload, shown, capabilities, { ...at, bucket, stored: true }),
      versionId: answer.VersionId,
      encryption,
      crc32: fullCrc32(answer.ChecksumCRC32, answer.ChecksumType),
      checksum: checksumOf(answer)
    }
  }),

  headObject: Effect.fnUntraced(function* ({ key, partNumber, versionId }) {
    const answer = yield* call(
      "HeadObject",
      { key, partNumber },
      {
        Bucket: bucket,
        Key: key,
        ChecksumMode: "ENABLED",
        ...(versionId === undefined ? {} : { VersionId: versionId }),
        ...(partNumber === undefined ? {} : { PartNumber: partNumber })
      }
    )
    yield* must(answer.ETag, "ETag", "HeadObject", { key })
    return headOf(key, answer.ContentLength ?? 0, answer)
  }),

  getObject: Effect.fnUntraced(function* ({ key, versionId, range, ifMatch, onActivity }) {
    const answer = yield* call(
      "GetObject",
      { key },
      {
        Bucket: bucket,
        Key: key,
        ...(versionId === undefined ? {} : { VersionId: versionId }),
        ...(range === undefined ? {} : { Range: rangeHeader(range) }),
        ...(ifMatch === undefined ? {} : { IfMatch: `"${normalizeEtag(ifMatch)}"` })
      },
      { streamResponse: true, onActivity }
    )
    const body = yield* must(answer.Body, "body", "GetObject", { key })
    const contentLength = answer.ContentLength ?? 0
    const total = answer.ContentRange?.split("/")[1]
    return {
      ...headOf(key, total === undefined ? contentLength : Number(total), answer),
      body,
      contentLength,
      contentRange: answer.ContentRange
    }
  }),

  deleteObject: ({ key, versionId }) =>
    Effect.asVoid(
      call(
        "DeleteObject",
        { key },
        { Bucket: bucket, Key: key, ...(versionId === undefined ? {} : { VersionId: versionId }) }
      )
    ),

  headBucket: () => Effect.asVoid(call("HeadBucket", {}, { Bucket: bucket }))
})
