import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  type Body,
  file,
  from,
  fromAsyncIterable,
  fromBlob,
  fromBytes,
  fromReadableStream,
  fromStream,
  type Source,
  type SourceReader,
  sourceFailed,
  text
} from "./Source.ts"
import { isUploadError, reject, type UploadError } from "./UploadError.ts"

const folder = mkdtempSync(join(tmpdir(), "sluice-source-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs `use` on the opened source and closes it. */
const withReader = <A>(source: Source, use: (reader: SourceReader) => Promise<A>, offset = 0): Promise<A> =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(source.open(offset), (reader) => Effect.promise(() => use(reader)))))

const failureOf = (source: Source): Promise<UploadError> =>
  Effect.runPromise(Effect.flip(Effect.scoped(source.open(0))))

/** All bytes in a row: a positional reader's read into slices of these sizes, over and over. */
const readAll = async (reader: SourceReader, sliceSizes: ReadonlyArray<number> = [64]): Promise<Buffer> => {
  const whole: Array<Uint8Array> = []
  while (true) {
    if (reader._tag === "Chunks") {
      const { done, value } = await reader.next()
      if (done === true) return Buffer.concat(whole)
      expect(value).toBeInstanceOf(Uint8Array)
      whole.push(value ?? new Uint8Array())
      continue
    }
    const slices = sliceSizes.map((size) => new Uint8Array(size))
    const n = await reader.read(slices)
    if (n === 0) return Buffer.concat(whole)
    const room = Buffer.concat(slices)
    // Filled from the start of the first slice, and nothing behind what was said to have come.
    expect(room.subarray(n).every((byte) => byte === 0)).toBe(true)
    whole.push(room.subarray(0, n))
  }
}

/** The bytes in pieces of these sizes, over and over; zero-length pieces too. */
const inChunks = (bytes: Uint8Array, sizes: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const chunks: Array<Uint8Array> = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

const webStream = (bytes: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> => {
  const iterator = Symbol.asyncIterator in bytes ? bytes[Symbol.asyncIterator]() : bytes[Symbol.iterator]()
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await iterator.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    }
  })
}

async function* iterate(chunks: ReadonlyArray<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks
}

const path = join(folder, "bytes.bin")
const written = (bytes: Uint8Array): string => {
  writeFileSync(path, bytes)
  return path
}

const replayable: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => Source>> = {
  bytes: (bytes) => fromBytes(bytes),
  Blob: (bytes) => fromBlob(new Blob([bytes])),
  file: (bytes) => file(written(bytes))
}

const oneShot: Readonly<Record<string, (chunks: ReadonlyArray<Uint8Array>) => Source>> = {
  "async iterable": (chunks) => fromAsyncIterable(iterate(chunks)),
  "Node Readable": (chunks) => fromAsyncIterable(Readable.from(chunks.filter((chunk) => chunk.length > 0))),
  "web stream": (chunks) => fromReadableStream(webStream(chunks)),
  "Effect stream": (chunks) => fromStream(Stream.fromIterable(chunks))
}

const bytes = fc.uint8Array({ maxLength: 4_000 }).map((some) => new Uint8Array(some))
const sliceSizes = fc.array(fc.integer({ min: 1, max: 257 }), { minLength: 1, maxLength: 5 })
const chunkSizes = fc
  .array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 6 })
  .filter((sizes) => sizes.some((size) => size > 0))

describe("every source gives its bytes, whatever the chunks and the slices", () => {
  it.each(Object.entries(replayable))("%s, from any offset, again and again", (_, make) =>
    fc.assert(
      fc.asyncProperty(
        bytes,
        sliceSizes,
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (whole, sizes, fraction) => {
          const source = make(whole)
          expect(source.size).toBe(whole.length)
          expect(source.replayable).toBe(true)
          const offset = Math.floor(whole.length * fraction)
          for (const from of [0, offset, whole.length]) {
            const read = await withReader(source, (reader) => readAll(reader, sizes), from)
            expect(read.equals(whole.subarray(from))).toBe(true)
          }
        }
      ),
      { numRuns: 40 }
    )
  )

  it.each(Object.entries(oneShot))("%s, once", (_, make) =>
    fc.assert(
      fc.asyncProperty(bytes, chunkSizes, sliceSizes, async (whole, chunks, sizes) => {
        const source = make(inChunks(whole, chunks))
        expect(source.size).toBeUndefined()
        expect(source.replayable).toBe(false)
        const read = await withReader(source, (reader) => readAll(reader, sizes))
        expect(read.equals(whole)).toBe(true)
        const again = await failureOf(source)
        expect(again.reason).toMatchObject({ _tag: "InvalidRequest", message: expect.stringContaining("read before") })
      }),
      { numRuns: 40 }
    )
  )

  it("chunks of one byte, and of a MiB into slabs", async () => {
    const whole = new Uint8Array(3 * 2 ** 20 + 7).map((_, i) => i * 31)
    const slabs = Array.from({ length: 5 }, () => 256 * 1024)
    for (const make of Object.values(oneShot)) {
      const large = await withReader(make(inChunks(whole, [2 ** 20])), (reader) => readAll(reader, slabs))
      expect(large.equals(whole)).toBe(true)
      const small = whole.subarray(0, 2_000)
      const single = await withReader(make(inChunks(small, [1])), (reader) => readAll(reader, [3, 1]))
      expect(single.equals(small)).toBe(true)
    }
    for (const make of Object.values(replayable)) {
      const read = await withReader(make(whole), (reader) => readAll(reader, slabs))
      expect(read.equals(whole)).toBe(true)
    }
  })

  it("a file fills many slices in one read", async () => {
    const source = file(written(new Uint8Array(1_000).fill(7)))
    const slices = [1, 2, 3, 494, 600].map((size) => new Uint8Array(size))
    const read = withReader(source, async (reader) => (reader._tag === "Positional" ? reader.read(slices) : undefined))
    expect(await read).toBe(1_000)
  })
})

describe("what a source says about itself", () => {
  it("is the name, type and time that it has", () => {
    const named = fromBlob(new File(["x"], "a.csv", { type: "text/csv", lastModified: 5 }))
    expect(named).toMatchObject({ name: "a.csv", contentType: "text/csv", identity: { name: "a.csv", modifiedMs: 5 } })
    expect(text("h\u00e9").size).toBe(3)
    expect(text("x").contentType).toBe("text/plain; charset=utf-8")
    const onDisk = file(written(new Uint8Array(4)))
    expect(onDisk).toMatchObject({ name: "bytes.bin", size: 4 })
    expect(onDisk.identity?.inode).toMatch(/^\d+$/)
  })

  it("gives way to what the caller says, and a declared size stands to be checked", () => {
    const said = { name: "b.bin", contentType: "a/b", size: 9 }
    const bodies: ReadonlyArray<Body> = [
      new Uint8Array(2),
      new File(["x"], "a.csv", { type: "text/csv" }),
      webStream([new Uint8Array(2)]),
      iterate([]),
      Readable.from([]),
      fromBytes(new Uint8Array(2), { name: "c" })
    ]
    for (const body of bodies) expect(from(body, said)).toMatchObject(said)
    expect(from(new File(["x"], "a.csv"))).toMatchObject({ name: "a.csv", size: 1 })
  })
})

describe("a body that holds no bytes is refused", () => {
  const refused = (body: unknown): string => {
    // What a caller without types can pass.
    const source = Reflect.apply(from, undefined, [body])
    return isUploadError(source) && source.reason._tag === "InvalidRequest" ? source.message : "accepted"
  }

  it("a string, naming Source.file and Source.text: it could be either", () => {
    expect(refused("/etc/hosts")).toMatch(/Source\.file\(path\) or Source\.text\(value\)/)
  })

  it.each([
    [null, /null/],
    [undefined, /undefined/],
    [5, /number/],
    [[1, 2], /an Array/],
    [new ArrayBuffer(2), /an ArrayBuffer/],
    [{}, /an Object/]
  ])("%s", (body, message) => expect(refused(body)).toMatch(message))
})

describe("a source that stays silent", () => {
  /** Sources that stay silent, each with a witness of their being closed. */
  const silent: Readonly<Record<string, () => { readonly source: Source; readonly closed: Promise<unknown> }>> = {
    "web stream": () => {
      const { promise: closed, resolve } = Promise.withResolvers()
      return { source: fromReadableStream(new ReadableStream({ cancel: resolve })), closed }
    },
    "Node Readable": () => {
      const readable = new Readable({ read: () => undefined })
      return {
        source: fromAsyncIterable(readable),
        closed: new Promise((resolve) => readable.once("close", resolve))
      }
    },
    "async iterable": () => {
      const { promise: closed, resolve } = Promise.withResolvers<IteratorResult<Uint8Array>>()
      const iterator: AsyncIterator<Uint8Array> = {
        next: () => new Promise(() => undefined),
        return: () => {
          resolve({ done: true, value: undefined })
          return closed
        }
      }
      return { source: fromAsyncIterable({ [Symbol.asyncIterator]: () => iterator }), closed }
    },
    "Effect stream": () => {
      const { promise: closed, resolve } = Promise.withResolvers()
      return {
        source: fromStream(
          Stream.ensuring(
            Stream.never,
            Effect.sync(() => resolve(undefined))
          )
        ),
        closed
      }
    }
  }

  it.each(Object.entries(silent))("%s is closed with its scope, though a read of it never settles", async (_, make) => {
    const { source, closed } = make()
    await withReader(source, async (reader) => {
      expect(reader._tag).toBe("Chunks")
      if (reader._tag === "Chunks") reader.next().then(undefined, () => undefined)
    })
    await closed
  })
})

describe("a source that fails", () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array([1])
    throw new Error("the disk is gone")
  }

  it.each<[string, () => Source]>([
    ["async iterable", () => fromAsyncIterable(failing())],
    ["web stream", () => fromReadableStream(webStream(failing()))],
    ["Node Readable", () => fromAsyncIterable(Readable.from(failing()))],
    ["Effect stream", () => fromStream(Stream.fail(new Error("the disk is gone")))]
  ])("%s: says why", async (_, make) => {
    const cause = await withReader(make(), (reader) => readAll(reader).catch((cause: unknown) => cause))
    const error = sourceFailed(cause)
    expect(error.reason._tag).toBe("SourceFailed")
    expect(error.message).toContain("the disk is gone")
  })

  it("with an error of ours keeps it", async () => {
    async function* rejecting(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1)
      throw reject("too much for today", { status: 429 })
    }
    const cause = await withReader(fromAsyncIterable(rejecting()), (reader) =>
      readAll(reader).catch((cause: unknown) => cause)
    )
    expect(sourceFailed(cause).reason).toMatchObject({ _tag: "Rejected", status: 429 })
  })

  it("a stream that somebody else reads is refused", async () => {
    const stream = webStream([new Uint8Array(1)])
    stream.getReader()
    const exit = await Effect.runPromiseExit(Effect.scoped(fromReadableStream(stream).open(0)))
    expect(Exit.isFailure(exit)).toBe(true)
    expect((await failureOf(fromReadableStream(stream))).reason._tag).toBe("SourceFailed")
  })
})

describe("a file that cannot be uploaded says why, before anything is sent", () => {
  const unreadable = join(folder, "unreadable")
  beforeAll(() => {
    mkdirSync(join(folder, "folder"))
    writeFileSync(unreadable, "x")
    chmodSync(unreadable, 0)
    symlinkSync(join(folder, "nowhere"), join(folder, "dangling"))
  })

  it.each([
    ["missing", "no such file; check the path"],
    ["dangling", "no such file; check the path"],
    ["folder", "is a directory; name the files in it"],
    ["bytes.bin/x", "cannot read the file"]
  ])("%s: %s", async (name, message) => {
    written(new Uint8Array(1))
    const source = file(join(folder, name))
    expect(source.size).toBeUndefined()
    const error = await failureOf(source)
    expect(error.reason._tag).toBe("SourceFailed")
    expect(error.retry).toBe("permanent")
    expect(error.message).toContain(message)
    expect(error.message).toContain(name)
  })

  it("a device or pipe: pass it in as a stream", async () => {
    expect((await failureOf(file("/dev/null"))).message).toContain("pipe it in instead")
  })

  const root = process.getuid?.() === 0
  it.skipIf(root)(`unreadable: check its permissions${root ? " (skipped: root reads everything)" : ""}`, async () => {
    expect((await failureOf(file(unreadable))).message).toContain("check its permissions")
  })
})
