/** What the store lists of an earlier run, and what is made of it (docs/reliability.md). */
import { CreateMultipartUploadCommand, UploadPartCommand } from "@aws-sdk/client-s3"
import { ObjectStore, S3ObjectStore } from "@sluice/core"
import { createSluice, s3 } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, expect, it } from "vitest"
import { MiB, pattern, sha256 } from "../engine/bytes.ts"
import { abortBehindItsBack, download, onEmbedded } from "../engine/target.ts"
import { freshKey, quick } from "../engine/trial.ts"
import { interruptedAfter, resumeWith } from "../peers/earlier-run.ts"
import { operationOf, type Rewrite, startRewritingStore } from "./rewriting-store.ts"

const part = quick.partSize
const bytes = pattern(3 * part + 1_000)

const partsXml = (numbers: ReadonlyArray<number>, marker: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><ListPartsResult><Bucket>media</Bucket><Key>k</Key><UploadId>u</UploadId>${marker}${numbers
    .map((n) => `<Part><PartNumber>${n}</PartNumber><ETag>"${String(n).padStart(32, "0")}"</ETag><Size>5</Size></Part>`)
    .join("")}</ListPartsResult>`
const truncated = (next: string): string => `<IsTruncated>true</IsTruncated>${next}`
const nextMarker = (n: number): string => `<NextPartNumberMarker>${n}</NextPartNumberMarker>`

onEmbedded("the parts of an earlier run", (target) => {
  /** The store, whose ListParts gives so many parts a page. */
  const paged = (most: number) =>
    Layer.effect(
      ObjectStore.ObjectStore,
      Effect.map(ObjectStore.ObjectStore, (inner) => ({
        ...inner,
        listParts: (input) =>
          Effect.map(inner.listParts({ ...input, after: undefined }), ({ parts, ...rest }) => {
            const left = parts.filter(({ partNumber }) => partNumber > (input.after ?? 0))
            const page = left.slice(0, most)
            return { ...rest, parts: page, next: left.length > most ? page.at(-1)?.partNumber : undefined }
          })
      }))
    ).pipe(Layer.provide(s3(target().store)))

  // Amplify reads the first page only (reference/upload-libraries.md §1a).
  it("are seen on all pages of the list [row 29]", async () => {
    const earlier = await interruptedAfter(3, target(), freshKey("pages"), bytes, paged(1))
    expect(await resumeWith(earlier, bytes)).toMatchObject({ verified: [1, 2, 3], sent: [4], outcome: { parts: 4 } })
    await target().assertNothingLeft()
  })

  it.each([
    ["a marker that does not move", nextMarker(2), nextMarker(2)],
    ["a marker that goes back", nextMarker(2), nextMarker(1)],
    ["no marker", "", ""],
    ["a marker that is no number", "<NextPartNumberMarker>next</NextPartNumberMarker>", ""]
  ])("are not looked for for ever where the list goes on with %s [row 29]", async (_, first, later) => {
    const key = freshKey("loop")
    const earlier = await interruptedAfter(2, target(), key, bytes)
    let asked = 0
    const rewrite: Rewrite = async (request, relay) => {
      if (operationOf(request) !== "ListParts") return relay()
      return { status: 200, body: partsXml([1, 2], truncated(asked++ === 0 ? first : later)) }
    }
    await using proxy = await startRewritingStore(target().store.endpoint, rewrite)
    const store = s3({ ...target().store, endpoint: proxy.endpoint })
    const { outcome } = await resumeWith(earlier, bytes, { store, maxAttempts: 2, onFailure: "keep" })
    expect(outcome).toMatchObject({ reason: { _tag: "InvalidResponse" } })
    expect((await resumeWith(earlier, bytes)).outcome).toMatchObject({ parts: 4 })
    await target().assertNothingLeft()
  })

  it("are 2,500 on three pages [row 29]", async () => {
    const markers: Array<string | null> = []
    const rewrite: Rewrite = async ({ url }) => {
      const marker = url.searchParams.get("part-number-marker")
      markers.push(marker)
      const after = Number(marker ?? 0)
      const numbers = Array.from({ length: Math.min(1_000, 2_500 - after) }, (_, i) => after + i + 1)
      const next = after + 1_000 < 2_500 ? truncated(nextMarker(after + 1_000)) : "<IsTruncated>false</IsTruncated>"
      return { status: 200, body: partsXml(numbers, next) }
    }
    await using proxy = await startRewritingStore(target().store.endpoint, rewrite)
    const program = Effect.gen(function* () {
      const { listParts } = yield* ObjectStore.ObjectStore
      const seen: Array<number> = []
      let after: number | undefined
      do {
        const page: ObjectStore.ListedParts = yield* listParts({ key: "k", uploadId: "u", after })
        seen.push(...page.parts.map(({ partNumber }) => partNumber))
        after = page.next
      } while (after !== undefined)
      return seen
    })
    const store = S3ObjectStore.layer({ ...target().store, endpoint: proxy.endpoint })
    const seen = await Effect.runPromise(Effect.provide(program, store))
    expect(seen).toEqual(Array.from({ length: 2_500 }, (_, i) => i + 1))
    expect(markers).toEqual([null, "1000", "2000"])
  })

  it("keep the sizes that they began with, whatever the next run would choose [row 31]", async () => {
    const earlier = await interruptedAfter(2, target(), freshKey("sizes"), bytes)
    const options = { partSize: 8 * MiB, multipartThreshold: 8 * MiB }
    const later = await resumeWith(earlier, bytes, options)
    expect(later).toMatchObject({ verified: [1, 2], sent: [3, 4], outcome: { parts: 4 } })
    await target().assertNothingLeft()
  })
})

onEmbedded("the parts of a foreign upload", (target) => {
  /** Sends the body's parts of these sizes, and leaves the upload open. */
  const foreign = async (key: string, sizes: ReadonlyArray<number>): Promise<string> => {
    const { bucket: Bucket, client } = target()
    const { UploadId = "" } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: key }))
    let at = 0
    for (const [i, size] of sizes.entries()) {
      const Body = bytes.subarray(at, at + size)
      await client.send(new UploadPartCommand({ Bucket, Key: key, UploadId, PartNumber: i + 1, Body }))
      at += size
    }
    return UploadId
  }
  const resume = async (key: string, uploadId: string): Promise<unknown> => {
    await using sluice = createSluice({ ...quick, store: s3(target().store) })
    return await sluice
      .resume({ key, uploadId }, { body: bytes, onFailure: "keep" })
      .done()
      .catch((error: unknown) => error)
  }

  describe.each([
    ["of 6 MiB", [6 * MiB, 6 * MiB], 3],
    ["of 5 MiB, the last short", [5 * MiB, 1_000], 4],
    ["of one, larger than ours", [9 * MiB], 2]
  ] as const)("%s each", (_, sizes, parts) => {
    it("are continued in their sizes [row 31]", async () => {
      const key = freshKey("foreign")
      const uploadId = await foreign(key, sizes)
      expect(await resume(key, uploadId)).toMatchObject({ parts, proof: "source" })
      expect(sha256((await download(target(), key)) ?? new Uint8Array())).toBe(sha256(bytes))
      await target().assertNothingLeft()
    })
  })

  it.each([
    ["that grow", [5 * MiB, 6 * MiB, 7 * MiB - 5]],
    ["that are too small for any layout", [MiB, MiB, MiB]]
  ])("in sizes %s are refused and left alone, never mixed with ours [row 31]", async (_, sizes) => {
    const key = freshKey("foreign")
    const uploadId = await foreign(key, sizes)
    expect(await resume(key, uploadId)).toMatchObject({ reason: { _tag: "ResumeMismatch" } })
    expect(
      target()
        .server.openUploads()
        .filter((upload) => upload.key === key)
    ).toMatchObject([{ parts: [1, 2, 3] }])
    expect(await download(target(), key)).toBeUndefined()
    await abortBehindItsBack(target(), key)
  })
})
