/** The simulated S3 answers as the embedded server does over HTTP: the same calls, the same answers. */
import { Limits, S3ObjectStore } from "@sluice/core"
import { crc32 } from "@sluice/core/Checksum"
import { ObjectStore, type ObjectStoreApi, type PartBody } from "@sluice/core/ObjectStore"
import { type UploadError, uploadError } from "@sluice/core/UploadError"
import { startS3 } from "@sluice/testkit"
import { makePrng, type Prng, VirtualS3 } from "@sluice/testkit/simulation"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { expect, it } from "vitest"

/** One store of the two, with the ids that its Creates gave. */
interface Side {
  readonly api: ObjectStoreApi
  readonly ids: Array<string>
}

const bytesOf = ({ slices }: PartBody): Uint8Array => Buffer.concat([...slices])
const unused = Effect.fail(uploadError({ _tag: "InvalidRequest", message: "not compared" }))

const virtualSide = (): Side => {
  const s3 = new VirtualS3({ capabilities: Limits.profiles.generic, now: () => 0 })
  const answer = <A>(call: () => Result.Result<A, UploadError>): Effect.Effect<A, UploadError> =>
    Effect.suspend(() => Effect.fromResult(call()))
  const api: ObjectStoreApi = {
    bucket: "sluice",
    capabilities: s3.capabilities,
    location: (key) => key,
    createMultipartUpload: (input) => answer(() => s3.createMultipartUpload(input)),
    uploadPart: ({ body, crc32, key, partNumber, uploadId }) =>
      answer(() => s3.uploadPart(key, uploadId, partNumber, { bytes: bytesOf(body), crc32 })),
    completeMultipartUpload: (input) => answer(() => s3.completeMultipartUpload(input)),
    abortMultipartUpload: ({ key, uploadId }) => answer(() => s3.abortMultipartUpload(key, uploadId)),
    listParts: ({ after, key, uploadId }) => answer(() => s3.listParts(key, uploadId, after)),
    listMultipartUploads: (input) => answer(() => s3.listMultipartUploads(input)),
    putObject: (input) => answer(() => s3.putObject(input, { bytes: bytesOf(input.body), crc32: input.crc32 })),
    headObject: (input) => answer(() => s3.headObject(input)),
    getObject: () => unused,
    deleteObject: ({ key }) => answer(() => s3.deleteObject(key)),
    headBucket: () => Effect.void
  }
  return { api, ids: [] }
}

type Step = (side: Side) => Effect.Effect<unknown, UploadError>

const body = (bytes: Uint8Array): PartBody => ({ slices: [bytes], size: bytes.length })
const idOf = ({ ids }: Side, index: number): string => ids[index % Math.max(1, ids.length)] ?? "no-such-upload"

/** Calls that clients make, right ones and wrong ones; all numbers are drawn before. */
const steps: ReadonlyArray<(prng: Prng) => Step> = [
  (prng) => {
    const key = prng.pick(["a", "b"])
    const checksum = prng.pick(["FULL_OBJECT", "COMPOSITE", "none"] as const)
    return ({ api, ids }) =>
      Effect.map(api.createMultipartUpload({ key, checksum, metadata: { mark: "1" } }), ({ uploadId }) => {
        ids.push(uploadId)
      })
  },
  (prng) => {
    const [key, index, partNumber] = [prng.pick(["a", "a", "b"]), prng.below(6), prng.between(1, 3)]
    const bytes = prng.fill(new Uint8Array(prng.between(1, 40)))
    const sum = crc32(bytes) ^ (prng.chance(0.15) ? 1 : 0)
    return (side) =>
      side.api.uploadPart({
        key,
        uploadId: idOf(side, index),
        partNumber,
        body: body(bytes),
        crc32: sum >>> 0,
        attempt: 1
      })
  },
  (prng) => {
    const [key, index, wrong] = [prng.pick(["a", "a", "b"]), prng.below(6), prng.chance(0.2)]
    const ifNoneMatch = prng.chance(0.2) ? ("*" as const) : undefined
    const most = prng.between(1, 2)
    return (side) =>
      Effect.gen(function* () {
        const uploadId = idOf(side, index)
        const listed = yield* side.api.listParts({ key, uploadId })
        const parts = listed.parts
          .slice(0, most)
          .map(({ crc32 = 0, etag, partNumber }) => ({ partNumber, etag: wrong ? "0".repeat(32) : etag, crc32 }))
        const size = listed.parts.slice(0, most).reduce((sum, part) => sum + part.size, 0)
        const [only] = parts
        return yield* side.api.completeMultipartUpload({
          ...{ key, uploadId, parts, size, ifNoneMatch, crc32: only?.crc32 ?? 0 },
          checksum: listed.checksum?.type === "FULL_OBJECT" ? "FULL_OBJECT" : listed.checksum ? "COMPOSITE" : "none"
        })
      })
  },
  (prng) => {
    const [key, index] = [prng.pick(["a", "a", "b"]), prng.below(6)]
    return (side) => side.api.abortMultipartUpload({ key, uploadId: idOf(side, index) })
  },
  (prng) => {
    const [key, index, after] = [prng.pick(["a", "b"]), prng.below(6), prng.below(3)]
    return (side) =>
      Effect.map(side.api.listParts({ key, uploadId: idOf(side, index), after }), ({ checksum, next, parts }) => ({
        ...{ checksum, next },
        parts: parts.map(({ crc32, etag, partNumber, size }) => ({ partNumber, size, etag, crc32 }))
      }))
  },
  (prng) => {
    const prefix = prng.pick(["a", "b", ""])
    return ({ api, ids }) =>
      Effect.map(api.listMultipartUploads({ prefix }), ({ next, uploads }) => ({
        next,
        uploads: uploads.map(({ key, uploadId }) => `${key} ${ids.indexOf(uploadId)}`).sort()
      }))
  },
  (prng) => {
    const key = prng.pick(["a", "b"])
    const bytes = prng.fill(new Uint8Array(prng.between(0, 40)))
    const ifNoneMatch = prng.chance(0.3) ? ("*" as const) : undefined
    const sum = crc32(bytes) ^ (prng.chance(0.15) ? 1 : 0)
    return ({ api }) =>
      api.putObject({ key, body: body(bytes), crc32: sum >>> 0, attempt: 1, ifNoneMatch, metadata: { mark: "2" } })
  },
  (prng) => {
    const key = prng.pick(["a", "b", "c"])
    return ({ api }) =>
      Effect.map(api.headObject({ key }), ({ checksum, crc32, etag, metadata, size }) => ({
        ...{ checksum, crc32, etag, metadata, size }
      }))
  },
  (prng) => {
    const [key, really] = [prng.pick(["a", "b"]), prng.chance(0.3)]
    return ({ api }) => (really ? api.deleteObject({ key }) : Effect.void)
  }
]

/** What of an answer both must say alike. */
const answerOf = (result: Result.Result<unknown, UploadError>): unknown => {
  if (Result.isFailure(result)) return `${result.failure.reason._tag}, ${result.failure.retry}`
  const { success } = result
  if (typeof success !== "object" || success === null) return success
  const { confirmed: _, encryption: __, versionId: ___, ...said } = success as Record<string, unknown>
  return JSON.parse(JSON.stringify(said))
}

const compare = async (drawn: ReadonlyArray<Step>): Promise<void> => {
  await using server = await startS3()
  const store = S3ObjectStore.layer({
    bucket: "sluice",
    ...{ endpoint: server.endpoint, region: server.region, credentials: server.credentials, forcePathStyle: true }
  })
  await ObjectStore.pipe(
    Effect.flatMap((api) =>
      Effect.gen(function* () {
        const [real, virtual]: [Side, Side] = [{ api, ids: [] }, virtualSide()]
        for (const [index, step] of drawn.entries()) {
          const [theirs, ours] = [yield* Effect.result(step(real)), yield* Effect.result(step(virtual))]
          expect({ step: index, answer: answerOf(ours) }).toEqual({ step: index, answer: answerOf(theirs) })
        }
      })
    ),
    Effect.provide(store),
    Effect.runPromise
  )
}

it.each([1, 2, 3])("to 120 calls drawn from seed %i", async (seed) => {
  const prng = makePrng(seed, "calls")
  await compare(Array.from({ length: 120 }, () => (steps[prng.below(steps.length)] ?? (() => () => Effect.void))(prng)))
})

it("to an upload of two parts", async () => {
  const first = new Uint8Array(5 * 1024 * 1024)
  const last = new Uint8Array([1, 2, 3])
  const key = "two"
  const part =
    (partNumber: number, bytes: Uint8Array): Step =>
    (side) =>
      side.api.uploadPart({
        ...{ key, uploadId: idOf(side, 0), partNumber, body: body(bytes), crc32: crc32(bytes), attempt: 1 }
      })
  await compare([
    ({ api, ids }) =>
      Effect.map(
        api.createMultipartUpload({ key, checksum: "FULL_OBJECT" }),
        ({ uploadId }) => void ids.push(uploadId)
      ),
    part(1, first),
    part(2, last),
    (side) =>
      Effect.flatMap(side.api.listParts({ key, uploadId: idOf(side, 0) }), ({ parts }) =>
        side.api.completeMultipartUpload({
          ...{ key, uploadId: idOf(side, 0), checksum: "FULL_OBJECT", size: first.length + last.length },
          crc32: crc32(last, crc32(first)),
          parts: parts.map(({ crc32 = 0, etag, partNumber }) => ({ partNumber, etag, crc32 }))
        })
      ),
    ({ api }) =>
      Effect.map(api.headObject({ key }), ({ checksum, crc32, etag, size }) => ({ checksum, crc32, etag, size }))
  ])
})
