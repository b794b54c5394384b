import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createSluice, type ReadProgress, type SluiceOptions, s3 } from "@sluice/core/promise"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { pattern, sha256 } from "./bytes.ts"
import { openRequests, openSockets } from "./connections.ts"
import { type EmbeddedTarget, onEmbedded, onEveryStore, put, type Target } from "./target.ts"
import { freshKey, quick } from "./trial.ts"

const KiB = 1024
/** Three ranges. */
const partSize = 256 * KiB
const bytes = pattern(600 * KiB + 7)

let directory = ""
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-reading-"))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/** A place for one download, in a directory of its own. */
const place = async (): Promise<string> => join(await mkdtemp(join(directory, "to-")), "file")

const sluiceOf = (target: Target, options: Partial<SluiceOptions> = {}) =>
  createSluice({ ...quick, ...options, store: s3(target.store) })

/** An object of these bytes, stored by the engine. */
const stored = async (target: Target, body: Uint8Array<ArrayBuffer> = bytes, key = freshKey("read")) => {
  await using sluice = sluiceOf(target)
  await sluice.upload({ key, body }).done()
  return key
}

const collect = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array> =>
  new Uint8Array(await new Response(stream).arrayBuffer())

/** Nothing of a reading is open, and no file of a download is left. */
const nothingLeft = async (target: Target, path?: string): Promise<void> => {
  expect(openRequests(target.store.endpoint)).toEqual([])
  if (path !== undefined) expect(await readdir(join(path, ".."))).toEqual([])
}

/** Where each GET of a key began, in the order of their coming. */
const starts = ({ server }: EmbeddedTarget, key: string): ReadonlyArray<number> =>
  server.requests.flatMap((request) =>
    request.op === "GetObject" && request.key === key
      ? [Number(/bytes=(\d+)/.exec(request.headers.range ?? "")?.[1])]
      : []
  )

onEveryStore("an object is read back", (target) => {
  it.each([0, 1, partSize, 600 * KiB + 7])("identical: %d bytes, as a stream and into a file", async (size) => {
    const body = bytes.subarray(0, size)
    const key = await stored(target(), body)
    await using sluice = sluiceOf(target())
    const { head, proof, size: announced, stream } = await sluice.read({ key, partSize })
    expect([head.size, announced, proof()]).toEqual([size, size, "transport"])
    expect(sha256(await collect(stream))).toBe(sha256(body))
    expect(proof()).toBe("source")

    const to = await place()
    const told: Array<ReadProgress> = []
    const file = await sluice.download({ key, partSize, to, onProgress: (progress) => told.push(progress) })
    expect(file).toMatchObject({ key, path: to, size, found: 0, proof: "source", etag: head.etag })
    expect(sha256(await readFile(to))).toBe(sha256(body))
    expect(await readdir(join(to, ".."))).toEqual(["file"])
    expect(told.at(-1)).toMatchObject({ total: size, received: size, percent: 100, found: 0 })
    expect(told.every(({ received }, i) => received >= (told[i - 1]?.received ?? 0))).toBe(true)
  })

  it.each([
    ["from the middle", { start: 9, end: 300 * KiB }, [9, 300 * KiB + 1]],
    ["one byte", { start: 7, end: 7 }, [7, 8]],
    ["the last bytes", { suffix: KiB }, [599 * KiB + 7, 600 * KiB + 7]],
    ["from a place on", { start: 500 * KiB }, [500 * KiB, 600 * KiB + 7]],
    ["more than there are", { start: 600 * KiB, end: 999 * KiB }, [600 * KiB, 600 * KiB + 7]]
  ])("a range of it: %s", async (_, range, [from, to]) => {
    const key = await stored(target())
    await using sluice = sluiceOf(target())
    const { size, stream } = await sluice.read({ key, partSize, range })
    const want = bytes.subarray(from, to)
    expect(size).toBe(want.length)
    expect(sha256(await collect(stream))).toBe(sha256(want))
    const path = await place()
    await sluice.download({ key, partSize, range, to: path })
    expect(sha256(await readFile(path))).toBe(sha256(want))
  })

  it("not beyond its end, and not where there is none", async () => {
    const key = await stored(target(), pattern(10))
    await using sluice = sluiceOf(target())
    await expect(sluice.read({ key, partSize, range: { start: 10 } })).rejects.toThrow(
      /^InvalidRequest: .*beyond the last of 10/
    )
    await expect(sluice.read({ key: "nothing" })).rejects.toThrow(/^NoSuchKey/)
    const to = await place()
    await expect(sluice.download({ key: "nothing", to })).rejects.toThrow(/^NoSuchKey/)
    await nothingLeft(target(), to)
  })

  it("that another program stored, by the checksum or MD5 that the store has of it", async () => {
    const key = freshKey("foreign")
    await put(target(), key, bytes)
    await using sluice = sluiceOf(target())
    const { proof, stream } = await sluice.read({ key, partSize })
    await collect(stream)
    const file = await sluice.download({ key, partSize, to: await place() })
    expect([proof(), file.proof]).toEqual(["source", "source"])
  })

  it("as a source: another upload of it has its bytes and its type", async () => {
    const key = freshKey("source")
    await using sluice = sluiceOf(target())
    await sluice.upload({ key, body: bytes, contentType: "video/mp4" }).done()
    const body = await sluice.source({ key })
    expect(body).toMatchObject({ size: bytes.length, replayable: true, contentType: "video/mp4" })
    const copy = await sluice.upload({ key: `${key}-again`, body }).done()
    expect(copy.proof).toBe("source")
    expect(await sluice.verify({ key: `${key}-again`, body: bytes })).toMatchObject({ matches: true })
    expect((await sluice.head(`${key}-again`)).contentType).toBe("video/mp4")
  })

  it("and a reader that stops leaves no request", async () => {
    const key = await stored(target())
    await using sluice = sluiceOf(target())
    const { stream } = await sluice.read({ key, partSize })
    for await (const chunk of stream) {
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
    await nothingLeft(target())
    // One that was never begun has none.
    await sluice.read({ key, partSize })
    await nothingLeft(target())
  })
})

onEmbedded("an object that is replaced while it is read", (target) => {
  it("ends the stream with PreconditionFailed, and gives no byte of the other", async () => {
    const key = await stored(target())
    await using sluice = sluiceOf(target(), { concurrency: 1 })
    const { stream } = await sluice.read({ key, partSize })
    const reader = stream.getReader()
    let got = (await reader.read()).value ?? new Uint8Array()
    const first = got.length
    await put(target(), key, pattern(bytes.length, 9))
    const rest = async () => {
      for (let next = await reader.read(); !next.done; next = await reader.read())
        got = Buffer.concat([got, next.value])
    }
    await expect(rest()).rejects.toThrow(/^PreconditionFailed: .*written again while it was read/)
    expect(got.length).toBeGreaterThan(first)
    expect(sha256(got)).toBe(sha256(bytes.subarray(0, got.length)))
    await nothingLeft(target())
  })

  it("leaves no file, whatever is kept else", async () => {
    const key = await stored(target())
    await using sluice = sluiceOf(target(), { concurrency: 1, stallTimeoutMs: 200 })
    const to = await place()
    const fault = target().server.faults.add({
      match: { op: "GetObject", key },
      action: { type: "stall", afterBytes: 100 * KiB },
      times: Number.POSITIVE_INFINITY
    })
    const ended = expect(sluice.download({ key, partSize, to, onFailure: "keep" })).rejects.toThrow(
      /^PreconditionFailed/
    )
    await expect.poll(() => fault.hits).toBeGreaterThan(0)
    await put(target(), key, pattern(bytes.length, 9))
    fault.remove()
    await ended
    await nothingLeft(target(), to)
  })
})

onEmbedded("a connection that breaks while an object is read", (target) => {
  it("is continued from the byte where it broke, in every range", async () => {
    const key = await stored(target())
    await using sluice = sluiceOf(target())
    for (const [nth, afterBytes] of [
      [1, 200 * KiB],
      [2, 100 * KiB]
    ] as const) {
      target().server.faults.add({ match: { op: "GetObject", key, nth }, action: { type: "reset", afterBytes } })
    }
    const to = await place()
    const told: Array<ReadProgress> = []
    const file = await sluice.download({ key, partSize, to, onProgress: (progress) => told.push(progress) })
    expect(file.proof).toBe("source")
    expect(sha256(await readFile(to))).toBe(sha256(bytes))
    expect(told.at(-1)?.retries).toBe(2)
    const edges = [0, 1, 2].map((range) => range * partSize)
    const again = starts(target(), key).filter((start) => !edges.includes(start))
    // Where the last byte that arrived was: a reset loses some of those that were sent.
    expect(again).toHaveLength(2)
    expect(again.every((start) => start % partSize <= 200 * KiB)).toBe(true)
  })

  it("that stays silent is ended, and its range goes on over another", async () => {
    const key = await stored(target())
    await using sluice = sluiceOf(target(), { stallTimeoutMs: 200 })
    const afterBytes = 100 * KiB
    target().server.faults.add({ match: { op: "GetObject", key }, action: { type: "stall", afterBytes } })
    const { proof, stream } = await sluice.read({ key, partSize })
    expect(sha256(await collect(stream))).toBe(sha256(bytes))
    expect(proof()).toBe("source")
    expect(target().server.faults.hits.at(-1)).toMatchObject({ key, action: "stall" })
  })

  it("for good ends the reading when its attempts are spent", async () => {
    const key = await stored(target())
    await using sluice = sluiceOf(target(), { maxAttempts: 3 })
    const match = { op: "GetObject", key } as const
    target().server.faults.add({ match, action: { type: "reset", afterBytes: 0 }, times: Number.POSITIVE_INFINITY })
    const { stream } = await sluice.read({ key, partSize })
    await expect(collect(stream)).rejects.toThrow(/^Unavailable: .*GetObject, after 3 attempts/)
    const to = await place()
    await expect(sluice.download({ key, partSize, to, onFailure: "abort" })).rejects.toThrow(/^Unavailable/)
    await nothingLeft(target(), to)
    target().server.faults.clear()
  })
})

onEmbedded("a byte that arrives as another", (target) => {
  describe.each([1, 4])("%d at a time", (concurrency) => {
    it("is an error at the stream's end, and leaves no file", async () => {
      const key = await stored(target())
      await using sluice = sluiceOf(target(), { concurrency })
      const spoil = () =>
        target().server.faults.add({
          match: { op: "GetObject", key, nth: 2 },
          action: { type: "corrupt", byte: 5_000 }
        })
      spoil()
      const { proof, stream } = await sluice.read({ key, partSize })
      await expect(collect(stream)).rejects.toThrow(/^ChecksumMismatch: .*not those whose digest the store shows/)
      expect(proof()).toBe("transport")
      spoil()
      const to = await place()
      await expect(sluice.download({ key, partSize, to, onFailure: "keep" })).rejects.toThrow(/^ChecksumMismatch/)
      await nothingLeft(target(), to)
    })
  })

  it.each([
    ["part", "always"],
    ["whole", "never"]
  ] as const)("is seen by the MD5 of the %s, where the store shows nothing else", async (_, multipart) => {
    const key = freshKey("md5")
    await using sluice = createSluice({ ...quick, store: s3({ ...target().store, provider: "b2" }) })
    await sluice.upload({ key, body: bytes, multipart }).done()
    expect((await sluice.head(key)).checksum).toBeUndefined()
    const spoil = () =>
      target().server.faults.add({ match: { op: "GetObject", key, nth: 2 }, action: { type: "corrupt", byte: 9 } })
    const to = await place()
    expect(await sluice.download({ key, partSize, to })).toMatchObject({ proof: "source" })
    await rm(to)
    spoil()
    await expect(sluice.download({ key, partSize, to })).rejects.toThrow(/^ChecksumMismatch/)
    spoil()
    const { stream } = await sluice.read({ key, partSize })
    await expect(collect(stream)).rejects.toThrow(/^ChecksumMismatch/)
    await nothingLeft(target(), to)
  })
})

onEmbedded("a download that does not end", (target) => {
  /** Aborts it amid the second range, when the first is finished. */
  const interrupted = async (key: string, to: string, onFailure: "keep" | "auto") => {
    await using sluice = sluiceOf(target(), { concurrency: 1 })
    const match = { op: "GetObject", key, nth: 2 } as const
    const fault = target().server.faults.add({ match, action: { type: "stall", afterBytes: 9 * KiB } })
    const controller = new AbortController()
    const { signal } = controller
    const ended = expect(sluice.download({ key, partSize, to, onFailure, signal })).rejects.toThrow("aborted")
    await expect.poll(() => fault.hits).toBe(1)
    controller.abort()
    await ended
    await nothingLeft(target())
  }

  it("leaves no request and no file when it is aborted", async () => {
    const key = await stored(target())
    const to = await place()
    await interrupted(key, to, "auto")
    await nothingLeft(target(), to)
    await expect.poll(() => openSockets(target().store.endpoint)).toBe(0)
  })

  it("is continued where it is kept: no finished range is fetched again, and each is looked at again", async () => {
    const key = await stored(target())
    const to = await place()
    await interrupted(key, to, "keep")
    expect(await readdir(join(to, ".."))).toEqual(["file.sluice-part", "file.sluice-part.record"])
    const before = starts(target(), key).length
    await using sluice = sluiceOf(target())
    const file = await sluice.download({ key, partSize, to })
    expect(file.proof).toBe("source")
    expect(file.found).toBe(partSize)
    expect(sha256(await readFile(to))).toBe(sha256(bytes))
    expect(await readdir(join(to, ".."))).toEqual(["file"])
    expect(
      starts(target(), key)
        .slice(before)
        .toSorted((a, b) => a - b)
    ).toEqual([partSize, 2 * partSize])
  })

  it("fetches what was damaged on disk meanwhile, and all of it where the object is another now", async () => {
    const key = await stored(target())
    const to = await place()
    await interrupted(key, to, "keep")
    const part = `${to}.sluice-part`
    const damaged = await readFile(part)
    damaged[3] = (damaged[3] ?? 0) ^ 1
    await writeFile(part, damaged)
    await using sluice = sluiceOf(target())
    const before = starts(target(), key).length
    const file = await sluice.download({ key, partSize, to })
    expect(file.proof).toBe("source")
    expect(sha256(await readFile(to))).toBe(sha256(bytes))
    expect(starts(target(), key).slice(before)).toContain(0)

    await interrupted(key, to, "keep")
    const other = pattern(bytes.length, 4)
    await put(target(), key, other)
    expect(await sluice.download({ key, partSize, to })).toMatchObject({ found: 0, proof: "source" })
    expect(sha256(await readFile(to))).toBe(sha256(other))
  })

  it("does not touch a file that has the name, until it is whole", async () => {
    const key = await stored(target())
    const to = await place()
    await writeFile(to, "earlier")
    await interrupted(key, to, "auto")
    expect(await readFile(to, "utf8")).toBe("earlier")
    await using sluice = sluiceOf(target())
    await sluice.download({ key, partSize, to })
    expect(sha256(await readFile(to))).toBe(sha256(bytes))
  })

  it("says why a file cannot be written", async () => {
    const key = await stored(target(), pattern(10))
    await using sluice = sluiceOf(target())
    const into = join(directory, "nowhere", "file")
    await expect(sluice.download({ key, partSize, to: into })).rejects.toThrow(
      /^InvalidRequest: .*its directory is not there/
    )
    await expect(sluice.download({ key, partSize, to: directory })).rejects.toThrow(
      /^InvalidRequest: .*a directory has that name/
    )
  })
})
