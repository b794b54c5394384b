import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Plugin from "@sluice/core/Plugin"
import { Source, type UploadOptions } from "@sluice/core/promise"
import type { FaultAction } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import { chunksOf, MiB, pattern, webStream } from "./bytes.ts"
import { onEmbedded, onMinIO } from "./target.ts"
import { attempt, failedWith, freshKey, type Setup, succeeded } from "./trial.ts"

const bytes = pattern(60 * MiB + 12_345)
/** Half of it, 8 MiB, is what a part may hold. */
const tight = { memoryBudget: 16 * MiB, partSize: 24 * MiB, multipartThreshold: 24 * MiB } satisfies Setup

let directory = ""
let path = ""
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-beyond-memory-"))
  path = join(directory, "object")
  await writeFile(path, bytes)
})
afterAll(() => rm(directory, { recursive: true }))

const replayable: ReadonlyArray<readonly [string, () => UploadOptions["body"]]> = [
  ["a file", () => Source.file(path)],
  ["a Blob", () => new Blob([bytes])],
  ["bytes", () => bytes]
]

onEmbedded("parts that are larger than memory", (target) => {
  it.each(replayable)("of %s arrive identical", async (_, body) => {
    const key = freshKey()
    const stored = succeeded(await attempt(target(), { key, body: body() }, { ...tight, expected: bytes }))
    expect(stored.parts).toBe(3)
    expect(target().count("UploadPart", key)).toBe(3)
  })

  const faults: ReadonlyArray<readonly [string, FaultAction]> = [
    ["reset in its middle", { type: "reset", afterBytes: 10 * MiB }],
    ["answered 503 before its bytes", { type: "status", status: 503, code: "SlowDown" }],
    ["whose answer is lost", { type: "dropAfterCommit" }],
    ["not read to its end", { type: "stall", afterBytes: 3 * MiB }],
    ["corrupted on its way", { type: "corrupt", byte: 20 * MiB }]
  ]
  it.each(faults)("are sent again with the same bytes after one was %s", async (_, action) => {
    const key = freshKey()
    target().server.faults.add({ match: { op: "UploadPart", key, partNumber: 2 }, action })
    const setup = { ...tight, expected: bytes, ...(action.type === "stall" && { stallTimeoutMs: 3_000 }) }
    succeeded(await attempt(target(), { key, body: Source.file(path) }, setup))
    expect(target().count("UploadPart", key)).toBe(4)
  })

  it("are signed with their SHA-256 where that is asked for", async () => {
    const setup: Setup = { ...tight, expected: bytes, store: { payloadSigning: "always" } }
    succeeded(await attempt(target(), { body: Source.file(path) }, setup))
  })

  it("carry their MD5 where the store takes no CRC32", async () => {
    const setup: Setup = { ...tight, expected: bytes, store: { provider: "b2" } }
    const { stored } = await attempt(target(), { body: Source.file(path) }, setup)
    expect(stored).toMatchObject({ size: bytes.length, parts: 3 })
  })

  it("leave nothing when the upload is ended while they are sent", async () => {
    const key = freshKey()
    target().server.faults.add({
      match: { op: "UploadPart", key, partNumber: 3 },
      action: { type: "stall", afterBytes: 2 * MiB }
    })
    const setup: Setup = {
      ...tight,
      during: async (upload) => {
        for await (const event of upload.events()) if (event._tag === "PartStored") return upload.abort()
      }
    }
    expect((await attempt(target(), { key, body: Source.file(path) }, setup)).stored).toBeUndefined()
  })

  it("include a single PUT", async () => {
    const key = freshKey()
    const setup: Setup = { ...tight, expected: bytes, multipart: "never" }
    succeeded(await attempt(target(), { key, body: Source.file(path) }, setup))
    expect(target().count("PutObject", key)).toBe(1)
  })

  it("of a stream are refused before anything is asked of the store, with what to do", async () => {
    const key = freshKey()
    const body = webStream(chunksOf(bytes))
    const error = failedWith(await attempt(target(), { key, body, size: bytes.length }, tight), "TooLarge")
    expect(error.message).toMatch(/raise memoryBudget, or send a file or Blob/)
    expect(target().count("CreateMultipartUpload", key)).toBe(0)
  })

  it.each(["part", "send"] as const)("are refused where a %s hook wants to see them", async (hook) => {
    const key = freshKey()
    const plugin = Plugin.make({
      name: "acme/looks",
      open: () =>
        Effect.succeed(
          hook === "send"
            ? { send: (part, next) => next(part) }
            : { part: { stage: "observe", overhead: () => 0, transform: ({ bytes }) => Effect.succeed(bytes) } }
        )
    })
    const outcome = await attempt(target(), { key, body: Source.file(path) }, { ...tight, plugins: [plugin] })
    expect(failedWith(outcome, "TooLarge").message).toMatch(/plugins that see its parts/)
    expect(target().count("CreateMultipartUpload", key)).toBe(0)
  })

  it.each([
    ["has other bytes", () => pattern(bytes.length, 1), /not those of its checksum/],
    ["ends sooner", () => bytes.subarray(0, 20 * MiB), /early/]
  ] as const)("fail when the source %s the second time", async (_, later, message) => {
    let opened = 0
    const whole = Source.from(bytes)
    if (!("open" in whole)) return expect.fail("bytes are a source")
    const body: Source.Source = {
      ...whole,
      open: (offset) => {
        // Opened once for the upload, once for its CRC32, and then to send it.
        const other = Source.from(++opened > 2 ? later() : bytes)
        return "open" in other ? other.open(offset) : Effect.fail(other)
      }
    }
    const outcome = await attempt(target(), { body }, { ...tight, multipart: "never" })
    expect(failedWith(outcome, "SourceChanged").message).toMatch(message)
  })
})

onMinIO("parts that are larger than memory", (target) => {
  it("arrive identical", async () => {
    succeeded(await attempt(target(), { body: Source.file(path) }, { ...tight, expected: bytes }))
  })
})
