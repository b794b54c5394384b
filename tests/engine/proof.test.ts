import { Journal, ObjectStore, S3ObjectStore, Source, Uploader, uploadError } from "@sluice/core"
import { crc32 } from "@sluice/core/Checksum"
import type { UploadEvent } from "@sluice/core/promise"
import { startS3 } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { expect, it } from "vitest"
import { MiB, pattern } from "./bytes.ts"

const bytes = pattern(5 * MiB + 7)
const key = "talk.mp4"

/** Uploads through the embedded store, some of whose verbs `change` replaces. */
const uploading = async (
  server: Awaited<ReturnType<typeof startS3>>,
  change: (store: ObjectStore.ObjectStoreApi) => Partial<ObjectStore.ObjectStoreApi>,
  source: Source.Source = Source.fromBytes(bytes)
) => {
  const { endpoint, region, credentials } = server
  const real = S3ObjectStore.layer({ bucket: "media", endpoint, region, credentials })
  const changed = Layer.effect(
    ObjectStore.ObjectStore,
    Effect.map(ObjectStore.ObjectStore, (store) => ({ ...store, ...change(store) }))
  ).pipe(Layer.provide(real))
  const Live = Uploader.layer({ retryBaseMs: 1, maxAttempts: 3 }).pipe(Layer.provide([changed, Journal.layerMemory]))
  const events: Array<UploadEvent> = []
  const exit = await Uploader.use((uploader) =>
    uploader.upload({ key, source, multipart: "always" }, { onEvent: (event) => void events.push(event) })
  ).pipe(Effect.provide(Live), Effect.runPromiseExit)
  return { events, exit }
}

it("a part that the store says it holds otherwise is sent again", async () => {
  await using server = await startS3({ buckets: ["media"] })
  let lies = 1
  const { events, exit } = await uploading(server, (store) => ({
    uploadPart: (input) =>
      Effect.map(store.uploadPart(input), (stored) => (lies-- > 0 ? { ...stored, crc32: 1 } : stored))
  }))
  expect(Exit.isSuccess(exit)).toBe(true)
  const retries = events.flatMap((event) => (event._tag === "Retrying" ? [event.error.reason._tag] : []))
  expect(retries).toEqual(["ChecksumMismatch"])
})

it("somebody else's object is not taken for ours, though its bytes, size, CRC32 and ETag are the same", async () => {
  await using server = await startS3({ buckets: ["media"] })
  let first = true
  const { exit } = await uploading(server, (store) => ({
    completeMultipartUpload: Effect.fnUntraced(function* (input) {
      if (!first) return yield* store.completeMultipartUpload(input)
      first = false
      // Ours is aborted behind our back, theirs completed with the same bytes, and the answer is lost.
      yield* store.abortMultipartUpload(input)
      const { uploadId } = yield* store.createMultipartUpload({ key, checksum: input.checksum })
      const body = { slices: [bytes], size: bytes.length }
      yield* store.uploadPart({ key, uploadId, partNumber: 1, body, crc32: crc32(bytes), attempt: 1 })
      const theirs = yield* store.completeMultipartUpload({ ...input, uploadId })
      expect(theirs.crc32).toBe(input.crc32)
      return yield* uploadError({ _tag: "Unavailable", message: "the answer was lost" })
    })
  }))
  expect(Exit.findErrorOption(exit)).toMatchObject({ value: { reason: { _tag: "CompletionUnknown" } } })
})

it("an abort is repeated until ListParts says that nothing is left, whatever the abort answers [row 46]", async () => {
  await using server = await startS3({ buckets: ["media"] })
  let ignored = 2
  async function* torn() {
    yield bytes
    throw new Error("torn")
  }
  const { exit } = await uploading(
    server,
    (store) => ({
      abortMultipartUpload: (input) => (ignored-- > 0 ? Effect.void : store.abortMultipartUpload(input))
    }),
    Source.fromAsyncIterable(torn())
  )
  expect(Exit.findErrorOption(exit)).toMatchObject({ value: { reason: { _tag: "SourceFailed" } } })
  expect(server.openUploads()).toEqual([])
})
