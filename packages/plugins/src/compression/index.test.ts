import { gunzipSync, zstdDecompressSync } from "node:zlib"
import { describe, expect, it } from "@effect/vitest"
import { MiB, profiles } from "@sluice/core/Limits"
import type { ObjectHead } from "@sluice/core/ObjectStore"
import type { ReadableBytes, UploadContext } from "@sluice/core/Plugin"
import { isUploadError, uploadError } from "@sluice/core/UploadError"
import { plan as decide, type UploadPlan } from "@sluice/core/UploadPlan"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { type Algorithm, compress, decompress, inBlocks } from "./codec.ts"
import { isCompressible } from "./compressible.ts"
import { compression, metadataName } from "./index.ts"

const algorithms: ReadonlyArray<Algorithm> = ["gzip", "zstd"]

async function* cut(bytes: Uint8Array, sizes: ReadonlyArray<number>): AsyncGenerator<Uint8Array> {
  // One buffer that is used again, as the most careless source does.
  const buffer = new Uint8Array(Math.max(1, ...sizes))
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const piece = bytes.subarray(at, at + (sizes[i % sizes.length] ?? 1))
    buffer.set(piece)
    yield buffer.subarray(0, piece.length)
    at += piece.length
  }
}

const joined = async (bytes: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Array<Uint8Array> = []
  for await (const chunk of bytes) chunks.push(chunk.slice())
  return Buffer.concat(chunks)
}

const text = Buffer.from(Array.from({ length: 40_000 }, (_, i) => `line ${(i * 7919) % 1_000}\n`).join(""))

describe.each(algorithms)("%s", (algorithm) => {
  const open = algorithm === "gzip" ? gunzipSync : zstdDecompressSync

  it("is what others can decompress, and shorter", async () => {
    const compressed = await joined(compress(cut(text, [text.length]), algorithm, undefined))
    expect(compressed.length).toBeLessThan(text.length / 3)
    expect(open(compressed).equals(text)).toBe(true)
  })

  it("gives the same bytes however the source is cut, and back what was there", async () => {
    const expected = await joined(compress(cut(text, [text.length]), algorithm, 5))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 5 }),
        async (sizes) => {
          const compressed = await joined(compress(cut(text, sizes), algorithm, 5))
          expect(compressed.equals(expected)).toBe(true)
          expect((await joined(decompress(cut(compressed, sizes), algorithm))).equals(text)).toBe(true)
        }
      ),
      { numRuns: 8 }
    )
  })

  it("of nothing is something, and nothing again", async () => {
    const compressed = await joined(compress(cut(new Uint8Array(0), [1]), algorithm, undefined))
    expect(compressed.length).toBeGreaterThan(0)
    expect(await joined(decompress(cut(compressed, [3]), algorithm))).toEqual(Buffer.alloc(0))
  })

  it("fails with what its source fails with", async () => {
    const broken = uploadError({ _tag: "SourceFailed", message: "the disk is gone" })
    async function* source(): AsyncGenerator<Uint8Array> {
      yield text.subarray(0, 100_000)
      throw broken
    }
    expect(await joined(compress(source(), algorithm, undefined)).then(undefined, (cause: unknown) => cause)).toBe(
      broken
    )
  })

  it("lets its source go when the reader goes", async () => {
    let ended = false
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        while (true) yield crypto.getRandomValues(new Uint8Array(60_000))
      } finally {
        ended = true
      }
    }
    for await (const _ of compress(source(), algorithm, undefined)) break
    await expect.poll(() => ended).toBe(true)
  })
})

it("blocks are of one size but the last, whatever comes in", async () => {
  const sizes: Array<number> = []
  for await (const block of inBlocks(cut(text, [1, 70_000, 3]))) sizes.push(block.length)
  expect(sizes.slice(0, -1).every((size) => size === 65_536)).toBe(true)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(text.length)
})

const head = (compressed: string): ObjectHead => ({
  key: "a",
  size: 0,
  etag: "e",
  versionId: undefined,
  lastModified: undefined,
  crc32: undefined,
  serverSideEncryption: undefined,
  metadata: { [metadataName]: compressed }
})

const stored = (bytes: Uint8Array): ReadableBytes => ({
  size: bytes.length,
  open: (offset, length = bytes.length) => cut(bytes.subarray(offset, offset + length), [9_999])
})

/** What the plugin gives of an object, or the reason why not. */
const reading = (metadata: string, bytes: Uint8Array, offset = 0, length?: number) =>
  Effect.scoped(
    Effect.flatMap(
      Effect.result(
        compression().read?.open({ bucket: "b", head: head(metadata) }, stored(bytes)) ?? Effect.succeed(undefined)
      ),
      (opened) =>
        Effect.promise(async () => {
          if (opened._tag === "Failure") return opened.failure.reason._tag
          if (opened.success === undefined) return "not ours"
          return joined(opened.success.open(offset, length)).catch((cause: unknown) =>
            isUploadError(cause) ? cause.reason._tag : "thrown"
          )
        })
    )
  )

describe("reading back", () => {
  it.effect.each(algorithms)("gives the bytes of %s, and in a range what a slice gives", (algorithm) =>
    Effect.gen(function* () {
      const compressed = yield* Effect.promise(() => joined(compress(cut(text, [5_000]), algorithm, undefined)))
      for (const size of [text.length, ""]) {
        expect(yield* reading(`${algorithm};${size}`, compressed)).toEqual(text)
      }
      for (const [offset, length] of [
        [0, 10],
        [70_000, 100],
        [text.length - 5, 100],
        [text.length, 1],
        [3, 0]
      ] as const) {
        const range = yield* reading(`${algorithm};`, compressed, offset, length)
        expect(range).toEqual(text.subarray(offset, offset + length))
      }
    })
  )

  it.effect.each(algorithms)("finds %s that was cut off, changed or counted otherwise", (algorithm) =>
    Effect.gen(function* () {
      const compressed = yield* Effect.promise(() => joined(compress(cut(text, [5_000]), algorithm, undefined)))
      const changed = Buffer.from(compressed)
      const at = compressed.length >> 1
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(yield* reading(`${algorithm};`, changed)).toBe("ChecksumMismatch")
      expect(yield* reading(`${algorithm};`, compressed.subarray(0, -6))).toBe("ChecksumMismatch")
      expect(yield* reading(`${algorithm};${text.length + 1}`, compressed)).toBe("ChecksumMismatch")
    })
  )

  it.effect("refuses metadata that it has not written", () =>
    Effect.gen(function* () {
      for (const metadata of ["", "brotli;5", "gzip", "gzip;-1", "gzip;1;2"]) {
        expect(yield* reading(metadata, text)).toBe("InvalidRequest")
      }
    })
  )
})

describe("the levels", () => {
  it.each([
    ["gzip", 1, 9],
    ["zstd", 1, 19]
  ] as const)("of %s are heard: %d gives other bytes than %d", async (algorithm, fast, small) => {
    const at = async (level: number) => (await joined(compress(cut(text, [5_000]), algorithm, level))).length
    expect(await at(fast)).not.toBe(await at(small))
  })

  it("leave the checksum of the content in every frame of zstd (RFC 8878, 3.1.1.1.1)", async () => {
    const compressed = await joined(compress(cut(text, [5_000]), "zstd", undefined))
    expect((compressed[4] ?? 0) & 4).toBe(4)
  })
})

describe("a resume", () => {
  /** Opens the plugin as the engine does; answers with its hooks' names, or why not, and what it kept. */
  const opened = Effect.fnUntraced(function* (upload: Partial<UploadContext>, size = 5_000) {
    const kept: Array<unknown> = []
    const context: UploadContext = {
      sessionId: "s1",
      bucket: "media",
      key: "a.csv",
      source: { size, name: "a.csv", contentType: undefined, replayable: true, identity: undefined },
      capabilities: profiles.aws,
      annotations: {},
      resumed: false,
      saved: undefined,
      save: (state) => Effect.sync(() => void kept.push(state)),
      exists: () => Effect.succeed(false),
      stored: () => Effect.never,
      ...upload
    }
    const hooks = yield* Effect.result(Effect.scoped(compression().open(context)))
    if (hooks._tag === "Failure") return { what: hooks.failure.reason._tag, kept }
    if (hooks.success.plan !== undefined) yield* Effect.exit(hooks.success.plan(plan))
    return { what: Object.keys(hooks.success).sort().join(), kept }
  })
  const plan: UploadPlan = Result.getOrThrow(
    decide(
      {
        key: "a.csv",
        size: undefined,
        maxSize: undefined,
        partSize: 8 * MiB,
        multipartThreshold: 8 * MiB,
        multipart: "auto",
        maxPartInMemory: 64 * MiB,
        attributes: {},
        condition: {},
        replayable: true
      },
      profiles.aws
    )
  )

  it.effect("compresses what the run before compressed, and by the same codec alone", () =>
    Effect.gen(function* () {
      const first = yield* opened({})
      expect(first.what).toBe("body,plan")
      const [saved] = first.kept
      expect((yield* opened({ resumed: true, saved })).what).toBe("body,plan")
      expect((yield* opened({ resumed: true, saved: { codec: "gzip 0.0.1" } })).what).toBe("ResumeMismatch")
      expect((yield* opened({ resumed: true, saved: { codec: "zstd 1.5.7" } })).what).toBe("ResumeMismatch")
    })
  )

  it.effect("leaves what the run before left, though it would compress it by now", () =>
    Effect.gen(function* () {
      expect((yield* opened({}, 10)).what).toBe("")
      expect((yield* opened({ resumed: true, saved: undefined })).what).toBe("")
    })
  )
})

describe("what is worth it", () => {
  const of = (key: string, contentType?: string) =>
    isCompressible({
      key,
      source: { size: 1, name: undefined, contentType, replayable: true, identity: undefined }
    })

  it.each([
    ["a.csv", undefined],
    ["a", undefined],
    ["a.svg", "image/svg+xml"],
    ["a", "text/plain; charset=utf-8"],
    ["a", "audio/wav"]
  ])("%s of type %s is compressed", (key, type) => expect(of(key, type)).toBe(true))

  it.each([
    ["a.JPG", undefined],
    ["a", "video/mp4"],
    ["a.zst", "application/octet-stream"],
    ["a", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"]
  ])("%s of type %s is left alone", (key, type) => expect(of(key, type)).toBe(false))
})
