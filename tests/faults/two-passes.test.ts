/** A part that is read twice, because it is larger than its share of memory, from a file that changes between. */
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Journal, ObjectStore, S3ObjectStore, Source, Uploader } from "@sluice/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, expect, it } from "vitest"
import { MiB, pattern, sha256 } from "../engine/bytes.ts"
import { download, onFaultyStores } from "../engine/target.ts"
import { freshKey, quick } from "../engine/trial.ts"

const size = 25 * MiB
const options = { ...quick, partSize: 12 * MiB, multipartThreshold: 12 * MiB, memoryBudget: 16 * MiB, concurrency: 1 }

let directory = ""
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-faults-"))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

onFaultyStores("a part that is read twice", (target) => {
  /** Uploads a file; acts when a part is about to be sent, after it was read the first time. */
  const uploading = async (key: string, act: (path: string, partNumber: number, attempt: number) => Promise<void>) => {
    const path = join(directory, key)
    await writeFile(path, pattern(size))
    const store = Layer.effect(
      ObjectStore.ObjectStore,
      Effect.map(ObjectStore.ObjectStore, (inner) =>
        ObjectStore.around(inner, (operation, run) =>
          operation._tag === "UploadPart"
            ? Effect.andThen(
                Effect.promise(() => act(path, operation.input.partNumber, operation.input.attempt)),
                run
              )
            : run
        )
      )
    ).pipe(Layer.provide(S3ObjectStore.layer(target().store)))
    const layer = Uploader.layer(options).pipe(Layer.provide([store, Journal.layerMemory]))
    const upload = Uploader.use((uploader) => uploader.upload({ key, source: Source.file(path) }))
    const exit = await Effect.runPromiseExit(Effect.provide(upload, layer))
    await target().assertNothingLeft()
    return exit
  }

  it("is sent again, whole, when it fails", async () => {
    const key = freshKey("twice")
    const action = { type: "reset", afterBytes: 9 * MiB } as const
    target().faults.add({ match: { op: "UploadPart", key, partNumber: 2 }, action })
    const exit = await uploading(key, async () => undefined)
    expect(exit).toMatchObject({ value: { parts: 3, proof: "source" } })
    expect(sha256((await download(target(), key)) ?? new Uint8Array())).toBe(sha256(pattern(size)))
  })

  it.each<[string, (path: string) => Promise<void>]>([
    ["rewritten", (path) => writeFile(path, pattern(size, 9))],
    ["cut", (path) => truncate(path, 20 * MiB)],
    ["emptied", (path) => truncate(path, 0)]
  ])("from a file that is %s between fails the upload as the source's change [row 53]", async (_, change) => {
    const key = freshKey("twice")
    const exit = await uploading(key, async (path, partNumber, attempt) => {
      if (partNumber === 2 && attempt === 1) await change(path)
    })
    const error = Exit.findErrorOption(exit)
    expect(error).toMatchObject({
      value: { reason: { _tag: expect.stringMatching(/^(SourceChanged|SizeMismatch|SourceFailed)$/) } }
    })
    expect(await download(target(), key)).toBeUndefined()
  })
})
