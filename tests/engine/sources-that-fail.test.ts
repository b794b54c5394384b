import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import * as Plugin from "@sluice/core/Plugin"
import { Source } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { chunksOf, generator, MiB, pattern, webStream } from "./bytes.ts"
import { onEmbedded, onEveryStore } from "./target.ts"
import { attempt, failedWith, type Outcome } from "./trial.ts"

const part = 5 * MiB

const sizes = [
  ["at once", 0],
  ["below the threshold", 1_000],
  ["after two parts", 2 * part + 1]
] as const

async function* failing(bytes: Uint8Array<ArrayBuffer>): AsyncGenerator<Uint8Array> {
  yield* chunksOf(bytes)
  throw new Error("the disk is on fire")
}

const expectBurnt = (outcome: Outcome): void => {
  expect(failedWith(outcome, "SourceFailed").message).toContain("the disk is on fire")
}

onEveryStore("a source that fails, fails the upload with its own words [row 51]", (target) => {
  it.each(sizes)("as an async iterable, %s", async (_, size) => {
    expectBurnt(await attempt(target(), { body: failing(pattern(size)) }))
  })
})

onEmbedded("a source that fails, fails the upload with its own words [row 51]", (target) => {
  it.each(sizes)("as a web stream, %s", async (_, size) => {
    const chunks = chunksOf(pattern(size))
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        const { done, value } = chunks.next()
        if (done === true) controller.error(new Error("the disk is on fire"))
        else controller.enqueue(value)
      }
    })
    expectBurnt(await attempt(target(), { body }))
  })

  it.each(sizes)("as a Node Readable, %s", async (_, size) => {
    expectBurnt(await attempt(target(), { body: Readable.from(failing(pattern(size))) }))
  })

  it.each(sizes)("as a stream of declared size, %s", async (_, size) => {
    expectBurnt(await attempt(target(), { body: failing(pattern(size)), size: 3 * part }))
  })

  it("as a stream that is locked already", async () => {
    const body = webStream(chunksOf(pattern(10)))
    body.getReader()
    failedWith(await attempt(target(), { body }), "SourceFailed")
  })

  it("as an iterable of strings, naming what to do", async () => {
    const words = new ReadableStream({
      start: (controller) => {
        controller.enqueue("text")
        controller.close()
      }
    })
    const error = failedWith(await attempt(target(), { body: words }), "SourceFailed")
    expect(error.message).toMatch(/string.*Uint8Array/)
  })

  it("as a file that shrinks while it is read [row 53]", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sluice-engine-"))
    const path = join(directory, "shrinking.bin")
    await writeFile(path, pattern(4 * part))
    const shrink = Plugin.make({
      name: "test/shrink",
      open: () =>
        Effect.succeed({
          send: (sending, next) =>
            sending.partNumber === 1
              ? Effect.andThen(
                  Effect.promise(() => truncate(path, part)),
                  next(sending)
                )
              : next(sending)
        })
    })
    const outcome = await attempt(target(), { body: Source.file(path) }, { plugins: [shrink], concurrency: 1 })
    const { reason } = failedWith(outcome, "SizeMismatch")
    expect(reason).toMatchObject({ declared: 4 * part })
    await rm(directory, { recursive: true })
  })

  it("as a stream that was uploaded before", async () => {
    const body = Source.fromReadableStream(webStream(chunksOf(pattern(10))))
    await attempt(target(), { body }, { expected: pattern(10) })
    expect(failedWith(await attempt(target(), { body }), "InvalidRequest").message).toMatch(/new one/)
  })
})

onEveryStore("a declared size that is not the real one is SizeMismatch [row 51]", (target) => {
  it.each<[string, declared: number, actual: number]>([
    ["shorter, in one PUT", 1_000, 999],
    ["longer, in one PUT", 1_000, 1_001],
    ["empty", 1_000, 0],
    ["not empty", 0, 1],
    ["shorter, within the last part", 2 * part + 10, 2 * part + 9],
    ["longer, within the last part", 2 * part + 10, 2 * part + 11],
    ["shorter, by whole parts", 3 * part, part],
    ["longer, by a byte after a whole last part", 2 * part, 2 * part + 1],
    ["shorter than the threshold, declared in parts", 2 * part, 100],
    ["in parts, declared below the threshold", 100, 2 * part]
  ])("%s", async (_, declared, actual) => {
    const outcome = await attempt(target(), { body: generator(chunksOf(pattern(actual))), size: declared })
    const error = failedWith(outcome, "SizeMismatch")
    expect(error.reason).toMatchObject({ declared })
    expect(error.message).toMatch(/declare the real size or none/)
  })
})
