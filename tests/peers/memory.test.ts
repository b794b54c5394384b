/** Memory that others take without bound (reference/upload-libraries.md §1a, §2 row 4). */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Plugin from "@sluice/core/Plugin"
import { createSluice, s3 } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { MiB, pattern } from "../engine/bytes.ts"
import { onEmbedded, type Target } from "../engine/target.ts"
import { freshKey, quick } from "../engine/trial.ts"

setFlagsFromString("--expose-gc")
const collectGarbage: unknown = runInNewContext("gc")

/** Turns of the event loop, in which whoever can go on goes on. */
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Uploads a stream while no part gets through, and looks at what is held then. */
const whileNothingLeaves = async (
  target: Target,
  body: AsyncIterable<Uint8Array>,
  look: () => Promise<void>
): Promise<void> => {
  const held = Promise.withResolvers<void>()
  const hold = Plugin.make({
    name: "test/hold",
    open: () =>
      Effect.succeed({
        send: () =>
          Effect.andThen(
            Effect.sync(() => held.resolve()),
            Effect.never
          )
      })
  })
  const options = { ...quick, memoryBudget: 32 * MiB, plugins: [hold], store: s3(target.store) }
  await using sluice = createSluice(options)
  const upload = sluice.upload({ key: freshKey("memory"), body })
  await held.promise
  await turns(500)
  await look()
  await upload.abort()
}

onEmbedded("a stream that is faster than the store", (target) => {
  // §1a, measured: 1.1 GiB held by Bun's `writer()`; 1,130 MiB by minio-js, for parts of 528 MiB.
  it("Bun, minio-js: it is read into memory without bound [row 52]", async () => {
    const chunk = pattern(MiB)
    let read = 0
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        read += chunk.length
        yield chunk
      }
    }
    await whileNothingLeaves(target(), endless(), async () => {
      expect(read).toBeGreaterThan(quick.partSize)
      // The budget, and the chunk in hand.
      expect(read).toBeLessThanOrEqual(33 * MiB)
    })
  })

  // §2 row 4 (aws-sdk-js-v3#8286): chunks of 16 bytes, each a view on its own 64 KiB: 400 MB become 3.6 GB.
  it("lib-storage: small chunks keep the memory that they are views of", async () => {
    const slabs: Array<WeakRef<ArrayBuffer>> = []
    async function* small(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 1_000; i++) {
        const slab = new ArrayBuffer(65_536)
        slabs.push(new WeakRef(slab))
        yield new Uint8Array(slab, 0, 16)
      }
      yield new Uint8Array(quick.partSize)
      await new Promise(() => undefined)
    }
    await whileNothingLeaves(target(), small(), async () => {
      if (typeof collectGarbage !== "function") throw new Error("no gc")
      collectGarbage()
      expect(slabs).toHaveLength(1_000)
      expect(slabs.filter((slab) => slab.deref() !== undefined).length).toBeLessThan(10)
    })
  })
})
