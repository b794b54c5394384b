import { createReadStream } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { crc32 } from "node:zlib"
import { Source, type UploadOptions } from "@sluice/core/promise"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { chunksOf, generator, MiB, pattern, webStream } from "./bytes.ts"
import { onEmbedded, onEveryStore, type Target } from "./target.ts"
import { attempt, succeeded } from "./trial.ts"

const part = 5 * MiB
type Body = Pick<UploadOptions, "body" | "size" | "name">

let directory = ""
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-engine-"))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const onDisk = async (bytes: Uint8Array): Promise<string> => {
  const path = join(directory, `source-${bytes.length}.bin`)
  await writeFile(path, bytes)
  return path
}

const kinds = {
  bytes: (bytes) => ({ body: bytes }),
  "a Blob": (bytes) => ({ body: new Blob([bytes.subarray(0, 1_000), bytes.subarray(1_000)]) }),
  "a file": async (bytes) => ({ body: Source.file(await onDisk(bytes)) }),
  "a web stream": (bytes) => ({ body: webStream(chunksOf(bytes)) }),
  "a web stream of declared size": (bytes) => ({ body: webStream(chunksOf(bytes)), size: bytes.length }),
  "an async iterable": (bytes) => ({ body: generator(chunksOf(bytes)) }),
  "a Node Readable": (bytes) => ({ body: Readable.from(chunksOf(bytes)) }),
  "a Node file stream": async (bytes) => ({ body: createReadStream(await onDisk(bytes)) })
} satisfies Record<string, (bytes: Uint8Array<ArrayBuffer>) => Body | Promise<Body>>

const sizes: ReadonlyArray<readonly [string, number]> = [
  ["no byte", 0],
  ["one byte", 1],
  ["one byte below the threshold", part - 1],
  ["the threshold and one part", part],
  ["two parts", 2 * part],
  ["two parts and a byte", 2 * part + 1],
  ["five parts", 5 * part]
]

/** The sizes at which the ways part: for kinds that differ from others only in how they are opened. */
const fewSizes = sizes.filter(([, size]) => [0, part, 2 * part + 1].includes(size))

/** One upload of these bytes, as this kind of source, and all that its result says of it. */
const arrives = async (target: Target, kind: keyof typeof kinds, size: number): Promise<void> => {
  const bytes = pattern(size)
  const outcome = await attempt(target, await kinds[kind](bytes), { expected: bytes })
  const stored = succeeded(outcome)
  expect(stored).toMatchObject({
    size,
    crc32: crc32(bytes),
    parts: Math.max(1, Math.ceil(size / part)),
    bucket: target.bucket,
    uri: `s3://${target.bucket}/${outcome.key}`,
    location: `${target.store.endpoint}/${target.bucket}/${outcome.key}`
  })
  expect(stored.etag).toMatch(size < part ? /^[0-9a-f]{32}$/ : new RegExp(`^[0-9a-f]{32}-${stored.parts}$`))
  const sum = outcome.events.reduce((all, event) => all + (event._tag === "PartStored" ? event.size : 0), 0)
  expect(sum).toBe(size)
}

onEmbedded("every kind of source arrives identical", (target) => {
  const rare = ["a Blob", "a web stream of declared size", "an async iterable", "a Node Readable"] as const
  describe.each([...rare, "a Node file stream"] as const)("%s", (kind) => {
    it.each(fewSizes)("of %s", (_, size) => arrives(target(), kind, size))
  })
})

onEveryStore("every source arrives identical", (target) => {
  describe.each(["bytes", "a web stream"] as const)("%s", (kind) => {
    it.each(sizes)("of %s", (_, size) => arrives(target(), kind, size))
  })
  describe("a file", () => {
    it.each(fewSizes)("of %s", (_, size) => arrives(target(), "a file", size))
  })

  it("in chunks of one byte", async () => {
    const bytes = pattern(20_000)
    succeeded(await attempt(target(), { body: generator(chunksOf(bytes, [1])) }, { expected: bytes }))
  })

  it("with empty chunks between the others", async () => {
    const bytes = pattern(part + 10)
    const body = generator([...chunksOf(bytes, [1_000_000])].flatMap((chunk) => [new Uint8Array(0), chunk]))
    succeeded(await attempt(target(), { body }, { expected: bytes }))
  })

  it("with a chunk larger than several parts", async () => {
    const bytes = pattern(3 * part + 5)
    succeeded(await attempt(target(), { body: generator([bytes]) }, { expected: bytes }))
  })

  it("with a threshold of its own, one byte below it as one PUT, from it on in parts [row 54]", async () => {
    const threshold = part + MiB
    const below = pattern(threshold - 1)
    const at = pattern(threshold)
    const options = { partSize: part, multipartThreshold: threshold }
    expect(succeeded(await attempt(target(), { body: below }, options)).parts).toBe(1)
    expect(succeeded(await attempt(target(), { body: at }, options)).parts).toBe(2)
  })

  it("always in parts when asked so, no byte included", async () => {
    for (const size of [0, 1]) {
      const { events } = await attempt(target(), { body: pattern(size), multipart: "always" })
      expect(events[0]).toMatchObject({ _tag: "UploadStarted", mode: "multipart", size })
    }
  })

  it("never in parts when asked so", async () => {
    const bytes = pattern(2 * part)
    const { stored, events } = await attempt(target(), { body: bytes, multipart: "never" })
    expect(stored).toMatchObject({ parts: 1 })
    expect(events[0]).toMatchObject({ _tag: "UploadStarted", mode: "single" })
  })

  it("as text, in UTF-8", async () => {
    const text = "naïve – 漢字 🙂"
    succeeded(await attempt(target(), { body: Source.text(text) }, { expected: Buffer.from(text) }))
  })

  it("over an object that stands at the key", async () => {
    const key = "overwritten"
    for (const seed of [1, 2]) succeeded(await attempt(target(), { key, body: pattern(part + seed, seed) }))
  })

  it("at keys with every kind of character", async () => {
    for (const key of ["a b+c%20d/ä/漢字/🙂.bin", "~!*'()&$@=;:,?#[]"]) {
      succeeded(await attempt(target(), { key, body: pattern(7) }))
      succeeded(await attempt(target(), { key, body: pattern(part + 7) }))
    }
  })
})
