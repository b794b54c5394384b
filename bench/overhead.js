/**
 * `node bench/overhead.js [--rounds 15]`: what the engine itself costs a part, in microseconds of CPU, beside a store
 * that takes all bytes at once; with a tracer that keeps every span; with ten plugins that look on and do nothing.
 * In turns within one process, because what they cost is far below what two processes differ by.
 */
import { parseArgs } from "node:util"
import * as Journal from "@sluice/core/Journal"
import { profiles } from "@sluice/core/Limits"
import { ObjectStore } from "@sluice/core/ObjectStore"
import * as Source from "@sluice/core/Source"
import { Uploader } from "@sluice/core/Uploader"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Tracer from "effect/Tracer"
import { MiB } from "./workload.js"

const partSize = 5 * MiB
const parts = 100

/** What is not asked of the store. */
const never = () => Effect.die(new Error("not asked of this store"))

/** @type {import("@sluice/core/ObjectStore").ObjectStoreApi} */
const store = {
  bucket: "bench",
  capabilities: { ...profiles.aws, etag: "opaque" },
  location: (key) => key,
  createMultipartUpload: () => Effect.succeed({ uploadId: "1", encryption: undefined }),
  uploadPart: ({ body, crc32 }) =>
    Effect.sync(() => {
      body.onAccepted?.(body.size)
      return { etag: "0", crc32 }
    }),
  completeMultipartUpload: ({ crc32 }) =>
    Effect.succeed({ etag: "0", versionId: undefined, encryption: undefined, crc32 }),
  abortMultipartUpload: () => Effect.void,
  listParts: never,
  listMultipartUploads: never,
  putObject: never,
  headObject: never,
  getObject: never,
  deleteObject: never,
  headBucket: never
}

/** Parts of nothing new: reading them costs little, and the same in every variant. */
const source = {
  ...Source.fromBytes(new Uint8Array(0)),
  size: parts * partSize,
  open: (/** @type {number} */ offset) =>
    Effect.sync(() => {
      let left = parts * partSize - offset
      return {
        _tag: /** @type {const} */ ("Positional"),
        read: async (/** @type {ReadonlyArray<Uint8Array>} */ into) => {
          const wanted = into.reduce((sum, slice) => sum + slice.length, 0)
          const n = Math.min(wanted, left)
          left -= n
          return n
        }
      }
    })
}

/** @param {number} plugins */
const runtimeWith = (plugins) =>
  ManagedRuntime.make(
    Uploader.layer({
      partSize,
      plugins: Array.from({ length: plugins }, (_, i) => ({
        name: `bench/onlooker-${i}`,
        open: () => Effect.succeed({ on: () => Effect.void })
      }))
    }).pipe(Layer.provide([Layer.succeed(ObjectStore, store), Journal.layerMemory]))
  )

const upload = Uploader.use((uploader) => uploader.upload({ key: "object", source }))
const plain = runtimeWith(0)
const watched = runtimeWith(10)

/** @type {Record<string, () => Promise<unknown>>} */
const variants = {
  untraced: () => plain.runPromise(Effect.withTracerEnabled(upload, false)),
  plain: () => plain.runPromise(upload),
  spans: () => {
    /** @type {Array<Tracer.Span>} */
    const kept = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        kept.push(span)
        return span
      }
    })
    return plain.runPromise(Effect.withTracer(upload, tracer))
  },
  plugins: () => watched.runPromise(upload)
}

const { values } = parseArgs({ options: { rounds: { type: "string", default: "15" } } })
/** @type {Map<string, number[]>} */
const spent = new Map()
for (let round = -2; round < Number(values.rounds); round++) {
  for (const [name, run] of Object.entries(variants)) {
    const before = process.cpuUsage()
    await run()
    const { user, system } = process.cpuUsage(before)
    // Two rounds to warm up.
    if (round >= 0) spent.set(name, [...(spent.get(name) ?? []), (user + system) / parts])
  }
}
const median = (/** @type {number[]} */ all) => all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN
const base = median(spent.get("plain") ?? [])
for (const [name, all] of spent) {
  const own = median(all)
  console.log(`${name.padEnd(9)} ${own.toFixed(0).padStart(6)} µs a part  ${(own - base).toFixed(0).padStart(5)}`)
}
await plain.dispose()
await watched.dispose()
