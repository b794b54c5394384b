/**
 * What the engine promises, tried on every real store that is installed, with the profile that fits it.
 */
import { GetObjectCommand, ListPartsCommand, S3Client } from "@aws-sdk/client-s3"
import * as Journal from "@sluice/core/Journal"
import { createSluice, type SluiceOptions, Source, s3, type UploadEvent } from "@sluice/core/promise"
import {
  assertNothingLeft,
  faultProxy,
  providerOfStore,
  type RealStore,
  type RealStoreName,
  type RecordingProxy,
  realStoreNames,
  realStoreSuite,
  recordingProxy,
  type SeenUpload,
  startRealStore
} from "@sluice/testkit"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { chunksOf, generator, MiB, pattern, sha256 } from "../engine/bytes.ts"

const part = 5 * MiB
const bytes = pattern(3 * part + 12_345)
const bucket = "promises"

/** Where a store shows less than S3, the engine promises less, and says so. */
interface Shown {
  /** Whether any digest of its bytes is looked at by the store or told: else nothing is proven. */
  readonly digests: boolean
  /** Whether ListParts tells digests of the parts: else what it has may be anything, and a resume sends it again. */
  readonly digestsOfParts: boolean
  /** Whether a condition on a write holds. */
  readonly conditions: boolean
  /** Whether ListParts says NoSuchUpload of an upload that is gone; else it lists no parts. */
  readonly goneUploads: boolean
}
const s3Shows: Shown = { digests: true, digestsOfParts: true, conditions: true, goneUploads: true }
const shown: Readonly<Record<RealStoreName, Shown>> = {
  minio: s3Shows,
  versitygw: s3Shows,
  "s3s-fs": { ...s3Shows, digestsOfParts: false, goneUploads: false },
  seaweedfs: { digests: false, digestsOfParts: true, conditions: false, goneUploads: false }
}

for (const name of realStoreNames) {
  const { digests, digestsOfParts, conditions, goneUploads } = shown[name]
  const provider = providerOfStore(name)
  const suite = realStoreSuite(name, `the engine's promises: ${name}`)

  describe.skipIf(suite.skip)(suite.title, () => {
    let started: { readonly store: RealStore; readonly proxy: RecordingProxy } | undefined
    beforeAll(async () => {
      const store = await startRealStore(name)
      started = { store, proxy: await recordingProxy(store.endpoint) }
      await store.createBucket(bucket)
    })
    afterAll(async () => {
      await started?.proxy.close()
      await started?.store.close()
    })
    const running = () => {
      if (started === undefined) throw new Error("the store is not running")
      return started
    }
    const optionsOf = (options: Partial<SluiceOptions> = {}, endpoint = running().proxy.endpoint): SluiceOptions => {
      const { region, credentials } = running().store
      const store = s3({ bucket, endpoint, region, credentials, provider })
      return { partSize: part, multipartThreshold: part, concurrency: 2, memoryBudget: 64 * MiB, ...options, store }
    }
    const stored = async (Key: string): Promise<string> => {
      const client = new S3Client({
        ...running().store,
        forcePathStyle: true,
        responseChecksumValidation: "WHEN_REQUIRED"
      })
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }))
        return sha256((await Body?.transformToByteArray()) ?? new Uint8Array())
      } finally {
        client.destroy()
      }
    }
    const nothingLeft = async () => {
      const { store, proxy } = running()
      await proxy.idle()
      const uploads = goneUploads ? proxy.uploads : await uploadsWithParts(store, proxy.uploads)
      await assertNothingLeft({ ...store, uploads })
    }

    it.each([
      ["in parts", "parts", bytes],
      ["in one PUT", "put", bytes.subarray(0, 1_000_000)],
      ["of no bytes", "empty", new Uint8Array()]
    ])("an upload %s is the source, byte for byte", async (_, key, body) => {
      await using sluice = createSluice(optionsOf())
      const result = await sluice.upload({ key, body }).done()
      expect(result).toMatchObject({ key, size: body.length })
      expect(await stored(key)).toBe(sha256(body))
      await nothingLeft()
    })

    it("an upload that demands proof has it", async ({ task }) => {
      await using sluice = createSluice(optionsOf())
      const proven = sluice.upload({ key: "proven", body: bytes, requireProof: "source" }).done()
      if (digests) return void expect(await proven).toMatchObject({ proof: "source" })
      await expect(proven).rejects.toMatchObject({ reason: { _tag: "ChecksumMismatch" } })
      task.meta.deviation = "refused: the store shows no digest"
    })

    it("a stream of unknown length is stored in parts", async () => {
      await using sluice = createSluice(optionsOf())
      const result = await sluice.upload({ key: "stream", body: generator(chunksOf(bytes)) }).done()
      expect(result).toMatchObject({ parts: 4, size: bytes.length })
      expect(await stored("stream")).toBe(sha256(bytes))
      await nothingLeft()
    })

    it("an upload that was interrupted resumes with the parts that the store cannot show", async ({ task }) => {
      const journal = { ...(await Effect.runPromise(Journal.makeMemory)), durable: true }
      const layer = Layer.succeed(Journal.Journal, Journal.Journal.of(journal))
      const first = createSluice(optionsOf({ journal: layer }))
      const upload = first.upload({ key: "resumed", body: holdingAt(bytes, 2 * part) })
      let left = 2
      for await (const event of upload.events()) if (event._tag === "PartStored" && --left === 0) void first.dispose()
      await first.dispose()
      await expect(upload.done()).rejects.toMatchObject({ name: "AbortError" })

      await using second = createSluice(optionsOf({ journal: layer }))
      const resumed = second.resume({ key: "resumed" }, { body: bytes })
      const events: Array<UploadEvent> = []
      for await (const event of resumed.events()) events.push(event)
      expect(await resumed.done()).toMatchObject({ parts: 4 })
      const sent = events.flatMap((event) => (event._tag === "PartStored" ? [event.partNumber] : []))
      expect(sent.sort()).toEqual(digestsOfParts ? [3, 4] : [1, 2, 3, 4])
      if (!digestsOfParts) task.meta.deviation = "sends all: parts are listed without digests"
      expect(await stored("resumed")).toBe(sha256(bytes))
      await nothingLeft()
    })

    it("an abort leaves nothing", async () => {
      await using sluice = createSluice(optionsOf())
      const upload = sluice.upload({ key: "aborted", body: holdingAt(bytes, 2 * part) })
      for await (const { _tag } of upload.events()) if (_tag === "PartStored") break
      await upload.abort()
      await expect(stored("aborted")).rejects.toMatchObject({ name: "NoSuchKey" })
      await nothingLeft()
    })

    it("a part whose bytes change on the way is sent again", async ({ task }) => {
      await using proxy = await faultProxy({ target: running().proxy.endpoint })
      proxy.faults.add({
        match: { op: "UploadPart", partNumber: 2 },
        action: { type: "corrupt", byte: 1000 },
        times: 1
      })
      await using sluice = createSluice(optionsOf({ retryBaseMs: 1 }, proxy.endpoint))
      const corrupted = sluice.upload({ key: "corrupted", body: bytes, requireProof: "source" }).done()
      if (!digests) {
        await expect(corrupted).rejects.toMatchObject({ reason: { _tag: "ChecksumMismatch" } })
        task.meta.deviation = "refused where proof is demanded: the store shows no digest"
        return
      }
      await corrupted
      expect(proxy.faults.hits).toHaveLength(1)
      expect(await stored("corrupted")).toBe(sha256(bytes))
      await nothingLeft()
    })

    it("what stands at the key is not replaced where that is asked for", async ({ task }) => {
      await using sluice = createSluice(optionsOf())
      await sluice.upload({ key: "standing", body: new Uint8Array([1]) }).done()
      const upload = sluice.upload({ key: "standing", body: bytes, ifNoneMatch: "*" })
      const _tag = conditions ? "PreconditionFailed" : "InvalidRequest"
      await expect(upload.done()).rejects.toMatchObject({ reason: { _tag } })
      if (!conditions) task.meta.deviation = "refused before it begins: the store holds to no condition"
      expect(await stored("standing")).toBe(sha256(new Uint8Array([1])))
      await nothingLeft()
    })
  })
}

/** Where a gone upload is answered with no parts, only one with parts is surely open. */
async function uploadsWithParts(store: RealStore, uploads: Iterable<SeenUpload>): Promise<ReadonlyArray<SeenUpload>> {
  const client = new S3Client({ ...store, forcePathStyle: true })
  const open: Array<SeenUpload> = []
  for (const upload of uploads) {
    const { bucket: Bucket, key: Key, uploadId: UploadId } = upload
    const { Parts = [] } = await client.send(new ListPartsCommand({ Bucket, Key, UploadId }))
    if (Parts.length > 0) open.push(upload)
  }
  client.destroy()
  return open
}

/** `body` with an end that never comes: the upload waits for byte `upTo` until it is stopped. */
const holdingAt = (body: Uint8Array, upTo: number): Source.Source => {
  const whole = Source.fromBytes(body)
  return {
    ...whole,
    // Its end is read from elsewhere than the start, for the identity.
    open: (offset) =>
      offset > 0
        ? whole.open(offset)
        : Effect.succeed({ _tag: "Chunks", rest: body.subarray(0, upTo), next: () => new Promise(() => undefined) })
  }
}
