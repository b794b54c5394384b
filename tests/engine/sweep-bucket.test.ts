import { CreateMultipartUploadCommand } from "@aws-sdk/client-s3"
import { Bucket, type BucketApi } from "@sluice/core/Bucket"
import { type SweptUpload, sweepBucket } from "@sluice/core/BucketSweep"
import { Journal, makeMemory } from "@sluice/core/Journal"
import { ObjectStore, type ObjectStoreApi } from "@sluice/core/ObjectStore"
import * as S3Bucket from "@sluice/core/s3/S3Bucket"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { onEveryStore, openUploads, type Target } from "./target.ts"
import { freshKey, quick } from "./trial.ts"

const day = 86_400_000

/** A listing in pages of two, as a store has it that allows no larger ones. */
const inPagesOfTwo = (store: ObjectStoreApi, asked: { pages: number }): ObjectStoreApi => ({
  ...store,
  listMultipartUploads: ({ after, ...rest }) =>
    Effect.map(store.listMultipartUploads(rest), ({ uploads }) => {
      asked.pages++
      const sorted = [...uploads].sort((a, b) => (a.key < b.key ? -1 : 1))
      const from = after === undefined ? sorted : sorted.filter(({ key }) => key > after.key)
      const page = from.slice(0, 2)
      const last = page.at(-1)
      const next = from.length > 2 && last !== undefined ? { key: last.key, uploadId: last.uploadId } : undefined
      return { uploads: page, next }
    })
})

/** A sweep by a store's clock that is some days ahead. */
const sweep = async (
  { store }: Target,
  options: { readonly prefix: string; readonly dryRun?: boolean; readonly days?: number }
) => {
  const seen: Array<SweptUpload> = []
  const asked = { pages: 0 }
  const ahead = (api: BucketApi): BucketApi => ({
    ...api,
    about: Effect.map(api.about, (about) => ({
      ...about,
      date: new Date(about.date.getTime() + (options.days ?? 2) * day)
    }))
  })
  const report = await Effect.gen(function* () {
    const real = yield* ObjectStore
    const journal = yield* makeMemory
    return yield* sweepBucket({
      ...quick,
      olderThanMs: day,
      prefix: options.prefix,
      ...(options.dryRun === undefined ? {} : { dryRun: options.dryRun }),
      onUpload: (upload) => void seen.push(upload)
    }).pipe(
      Effect.provideService(ObjectStore, inPagesOfTwo(real, asked)),
      Effect.provideService(Bucket, ahead(yield* Bucket)),
      Effect.provideService(Journal, journal)
    )
  }).pipe(Effect.provide([S3ObjectStore.layer(store), S3Bucket.layer(store)]), Effect.runPromise)
  return { report, seen, pages: asked.pages }
}

onEveryStore("a sweep of a whole bucket", (target) => {
  const begin = async (count: number): Promise<{ readonly prefix: string; readonly keys: ReadonlyArray<string> }> => {
    const prefix = `${freshKey("sweep")}/`
    const keys = Array.from({ length: count }, (_, i) => `${prefix}${i}`)
    const { bucket: Bucket, client } = target()
    for (const Key of keys) await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    return { prefix, keys }
  }
  const stillOpen = async (keys: ReadonlyArray<string>) =>
    (await Promise.all(keys.map((key) => openUploads(target(), key)))).flat().length

  it("ends every old upload of all pages, and of no other prefix", async () => {
    const { keys, prefix } = await begin(5)
    const others = await begin(2)
    const { pages, report, seen } = await sweep(target(), { prefix, dryRun: false })
    expect(report.counts).toEqual({ young: 0, live: 0, old: 0, ended: 5, left: 0 })
    expect(pages).toBeGreaterThanOrEqual(3)
    expect(seen.map(({ key }) => key).sort()).toEqual(keys)
    expect(await stillOpen(keys)).toBe(0)
    expect(await stillOpen(others.keys)).toBe(2)
    await sweep(target(), { prefix: others.prefix, dryRun: false })
  })

  it("ends nothing unless it is told to, and nothing young", async () => {
    const { keys, prefix } = await begin(2)
    expect((await sweep(target(), { prefix })).report).toMatchObject({ dryRun: true, counts: { old: 2, ended: 0 } })
    const young = await sweep(target(), { prefix, dryRun: false, days: 0 })
    expect(young.report.counts).toMatchObject({ young: 2, ended: 0 })
    expect(await stillOpen(keys)).toBe(2)
    await sweep(target(), { prefix, dryRun: false })
    expect(await stillOpen(keys)).toBe(0)
  })
})
