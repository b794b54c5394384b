import type { ObjectStoreApi, UploadPart } from "@sluice/core/ObjectStore"
import { metadataToken } from "@sluice/core/Session"
import { type UploadError, uploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Actor } from "./Actor.ts"
import { type Call, Exchange } from "./Exchange.ts"
import type { VirtualProcess } from "./VirtualProcess.ts"
import type { Answer, ReceivedBody } from "./VirtualS3.ts"
import type { World } from "./World.ts"

const wrongEtag = "0".repeat(32)

/** The world's store as one process sees it: over a network that takes time, and where things go wrong. */
export const makeVirtualStore = (world: World, process: VirtualProcess): ObjectStoreApi => {
  const { s3 } = world
  const { capabilities } = s3
  const withCrc = (crc32: number, bytes: Uint8Array): ReceivedBody => ({
    bytes,
    crc32: capabilities.checksum === "none" ? undefined : crc32
  })

  const calling = <A>(call: Call<A>): Effect.Effect<A, UploadError> =>
    Effect.flatMap(Actor, (actor) =>
      Effect.callback((resume) => {
        if (!process.alive) return
        const caller = { world, process, actor, resume: (answer: Answer<A>) => resume(Effect.fromResult(answer)) }
        const exchange = new Exchange(call, caller)
        return Effect.sync(exchange.leave)
      })
    )
  const unused = Effect.fail(uploadError({ _tag: "InvalidRequest", message: "not in this simulation" }))
  const labelled = <A extends { readonly etag: string }>(answer: A): A => ({ ...answer, etag: wrongEtag })

  return {
    bucket: world.bucket,
    capabilities,
    location: (key) => `virtual:${world.bucket}/${key}`,
    createMultipartUpload: (input) =>
      calling({
        ...{ operation: "CreateMultipartUpload", key: input.key, writeToken: input.metadata?.[metadataToken] },
        onActivity: input.onActivity,
        apply: () => s3.createMultipartUpload(input),
        created: ({ uploadId }) => uploadId
      }),
    uploadPart: (input: UploadPart) =>
      calling({
        ...{ operation: "UploadPart", key: input.key, uploadId: input.uploadId, partNumber: input.partNumber },
        body: input.body,
        onActivity: input.onActivity,
        apply: (bytes) => s3.uploadPart(input.key, input.uploadId, input.partNumber, withCrc(input.crc32, bytes)),
        mislabel: labelled
      }),
    completeMultipartUpload: (input) =>
      calling({
        ...{ operation: "CompleteMultipartUpload", key: input.key, uploadId: input.uploadId, parts: input.parts },
        onActivity: input.onActivity,
        apply: () => s3.completeMultipartUpload(input)
      }),
    abortMultipartUpload: ({ key, onActivity, uploadId }) =>
      calling({
        ...{ operation: "AbortMultipartUpload", key, uploadId, onActivity },
        apply: () => s3.abortMultipartUpload(key, uploadId)
      }),
    listParts: ({ after, key, onActivity, uploadId }) =>
      calling({
        ...{ operation: "ListParts", key, uploadId, onActivity },
        apply: () => s3.listParts(key, uploadId, after)
      }),
    listMultipartUploads: (input) =>
      calling({
        ...{ operation: "ListMultipartUploads", key: input.prefix, onActivity: input.onActivity },
        apply: () => s3.listMultipartUploads(input)
      }),
    putObject: (input) =>
      calling({
        ...{ operation: "PutObject", key: input.key, writeToken: input.metadata?.[metadataToken] },
        body: input.body,
        onActivity: input.onActivity,
        apply: (bytes) => s3.putObject(input, withCrc(input.crc32, bytes))
      }),
    headObject: (input) => calling({ operation: "HeadObject", key: input.key, apply: () => s3.headObject(input) }),
    getObject: () => unused,
    deleteObject: ({ key }) => calling({ operation: "DeleteObject", key, apply: () => s3.deleteObject(key) }),
    headBucket: () => calling({ operation: "HeadBucket", key: "", apply: () => Result.void })
  }
}
