/** `GET /objects/:name` of objects that plugins made: the bytes that were meant, or none (packages/http). */
import { once } from "node:events"
import { type ClientRequest, request } from "node:http"
import { HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3"
import { serve } from "@hono/node-server"
import * as Plugin from "@sluice/core/Plugin"
import { type Plugin as AnyPlugin, createSluice, type SluiceOptions, s3 } from "@sluice/core/promise"
import { sluiceRoutes } from "@sluice/http"
import { compression } from "@sluice/plugins/compression"
import { clientSide } from "@sluice/plugins/encryption/client-side"
import * as Effect from "effect/Effect"
import { expect, it, onTestFinished } from "vitest"
import { MiB, pattern, sha256 } from "./bytes.ts"
import { openRequests } from "./connections.ts"
import { download, type EmbeddedTarget, onEmbedded } from "./target.ts"
import { freshKey, quick } from "./trial.ts"

const seal = clientSide({ key: { id: "test", secret: pattern(32) } })
const zip = compression()
/** Two sealed parts; bytes that compress. */
const body = new Uint8Array(Buffer.from(Buffer.from(pattern(2.75 * MiB)).toString("hex")))

const open = (target: EmbeddedTarget, plugins: ReadonlyArray<AnyPlugin>, options: Partial<SluiceOptions> = {}) => {
  const sluice = createSluice({ ...quick, ...options, plugins, store: s3(target.store) })
  onTestFinished(() => sluice.dispose())
  const failures: Array<string> = []
  const app = sluiceRoutes(sluice, { authorize: "public", onError: (error) => failures.push(String(error)) })
  const get = (name: string, headers: Record<string, string> = {}, method = "GET") =>
    app.request(`/objects/${name}`, { method, headers })
  const put = async (name: string, bytes: Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) => {
    const length = { "Content-Length": String(bytes.length) }
    const response = await app.request(`/objects/${name}`, {
      method: "PUT",
      body: bytes,
      headers: { ...length, ...headers }
    })
    expect(response.status).toBe(201)
    return response
  }
  /** Behind a socket, as clients see it. */
  const listen = async () => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1", overrideGlobalObjects: false })
    onTestFinished(() => void server.close())
    await once(server, "listening")
    const address = server.address()
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`
  }
  return { sluice, failures, get, put, listen }
}

/** What was asked of the store about a key, in order. */
const asked = ({ requests }: EmbeddedTarget, key: string) =>
  requests.filter((request) => request.key === key).map(({ op }) => op)

const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer())

/** An answer as far as it came, and whether it ended by itself. */
const readSocket = async (sent: ClientRequest, onChunk: () => void = () => undefined) => {
  sent.end()
  const [response] = await once(sent, "response")
  let length = 0
  let complete = true
  try {
    for await (const chunk of response) {
      length += chunk.length
      onChunk()
    }
  } catch {
    complete = false
  }
  return { length, complete: complete && response.complete === true, response }
}

onEmbedded("GET of an object that plugins made", (target) => {
  it.each([
    ["sealed", [seal]],
    ["compressed", [zip]],
    ["compressed and sealed", [seal, zip]]
  ])("sends the bytes that were meant, whole and in ranges, and HEAD agrees: %s", async (_, plugins) => {
    const { get, put } = open(target(), plugins)
    const key = freshKey("made.txt")
    await put(key, body)
    expect(sha256((await download(target(), key)) ?? body)).not.toBe(sha256(body))
    const whole = await get(key)
    expect([whole.status, whole.headers.get("content-length")]).toEqual([200, String(body.length)])
    expect(sha256(await bytesOf(whole))).toBe(sha256(body))
    const head = await get(key, {}, "HEAD")
    expect(Object.fromEntries(head.headers)).toEqual(Object.fromEntries(whole.headers))
    // What the engine and its plugins note for themselves is nobody else's: a wrapped key among it.
    expect([...whole.headers.keys()].filter((name) => name.includes("sluice"))).toEqual([])

    const size = body.length
    for (const [range, from, to] of [
      ["bytes=0-0", 0, 0],
      [`bytes=${5 * MiB - 3}-${5 * MiB + 3}`, 5 * MiB - 3, 5 * MiB + 3],
      [`bytes=${size - 2}-`, size - 2, size - 1],
      ["bytes=-5", size - 5, size - 1],
      [`bytes=${size - 4}-${size + 99}`, size - 4, size - 1],
      [`bytes=-${size + 99}`, 0, size - 1]
    ] as const) {
      const part = await get(key, { range })
      expect([part.status, part.headers.get("content-range")]).toEqual([206, `bytes ${from}-${to}/${size}`])
      expect(part.headers.get("content-length")).toBe(String(to - from + 1))
      expect(sha256(await bytesOf(part))).toBe(sha256(body.subarray(from, to + 1)))
    }
    for (const range of [`bytes=${size}-`, "bytes=-0"]) {
      const beyond = await get(key, { range })
      expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, `bytes */${size}`])
    }
    expect(openRequests(target().store.endpoint)).toEqual([])
  })

  it("keeps the client's conditions by the stored object's ETag, without reading a byte", async () => {
    const { get, put } = open(target(), [seal])
    const key = freshKey("made")
    const etag = (await put(key, body)).headers.get("etag") ?? ""
    expect((await get(key, { "if-none-match": etag })).status).toBe(304)
    expect((await get(key, { "if-none-match": etag }, "HEAD")).status).toBe(304)
    expect((await get(key, { "if-match": '"other"' })).status).toBe(412)
    expect((await get(key, { range: "bytes=0-", "if-match": '"other"' })).status).toBe(412)
    expect(asked(target(), key)).not.toContain("GetObject")
    const matching = await get(key, { range: "bytes=1-2", "if-range": etag })
    expect([matching.status, await bytesOf(matching)]).toEqual([206, body.slice(1, 3)])
    const other = await get(key, { range: "bytes=1-2", "if-range": '"other"' })
    expect([other.status, sha256(await bytesOf(other))]).toEqual([200, sha256(body)])
  })

  it("has the Content-Encoding that was meant, not the one that a plugin gave what is stored", async () => {
    const { get, put, sluice } = open(target(), [compression({ contentEncoding: true })])
    for (const [headers, encoding, stored] of [
      [{}, null, "gzip"],
      [{ "Content-Encoding": "br" }, "br", "br,gzip"]
    ] as const) {
      const key = freshKey("encoded.txt")
      await put(key, body.slice(0, 9_000), headers)
      expect((await sluice.head(key)).contentEncoding?.replaceAll(" ", "")).toBe(stored)
      for (const method of ["GET", "HEAD"]) {
        expect((await get(key, {}, method)).headers.get("content-encoding")).toBe(encoding)
      }
      expect(await bytesOf(await get(key))).toEqual(body.slice(0, 9_000))
      await using plain = createSluice({ ...quick, store: s3(target().store) })
      await plain.copy({ from: { sluice, key }, to: { key: `${key}-plain` } })
      expect((await plain.head(`${key}-plain`)).contentEncoding ?? null).toBe(encoding)
    }
  })

  it("of no bytes has none", async () => {
    const { get, put } = open(target(), [seal])
    const key = freshKey("empty")
    await put(key, new Uint8Array(0))
    const whole = await get(key)
    expect([whole.status, whole.headers.get("content-length"), (await bytesOf(whole)).length]).toEqual([200, "0", 0])
    const range = await get(key, { range: "bytes=0-" })
    expect([range.status, range.headers.get("content-range")]).toEqual([416, "bytes */0"])
  })

  it("sends all of one whose size nobody knows before, and no range", async () => {
    const { get, listen, put } = open(target(), [zip])
    const key = freshKey("unknown.txt")
    await put(key, body.slice(0, 100_000))
    // As a compression of a stream of unknown length notes it.
    const { Metadata } = await target().client.send(new HeadObjectCommand({ Bucket: target().bucket, Key: key }))
    const Body = (await download(target(), key)) ?? body
    const noted = { ...Metadata, "sluice-compressed": "gzip;" }
    await target().client.send(new PutObjectCommand({ Bucket: target().bucket, Key: key, Body, Metadata: noted }))
    for (const headers of [{}, { range: "bytes=1-2" }, { range: "bytes=-2" }]) {
      const whole = await get(key, headers)
      const about = ["content-length", "content-range", "accept-ranges"].map((name) => whole.headers.get(name))
      expect([whole.status, ...about]).toEqual([200, null, null, "none"])
      expect(sha256(await bytesOf(whole))).toBe(sha256(body.subarray(0, 100_000)))
    }
    expect((await get(key, {}, "HEAD")).headers.get("content-length")).toBeNull()
    expect(await readSocket(request(`${await listen()}/objects/${key}`))).toMatchObject({
      length: 100_000,
      complete: true
    })
  })

  it("is refused, naming the plugin, where that is not loaded: whole, ranges and HEAD", async () => {
    const key = freshKey("made.txt")
    await open(target(), [seal, zip]).put(key, body)
    for (const plugins of [[], [zip]]) {
      const { failures, get } = open(target(), plugins)
      for (const headers of [{}, { range: "bytes=0-9" }, { range: "bytes=99999999-" }]) {
        const response = await get(key, headers)
        expect([response.status, response.headers.get("content-type")]).toEqual([501, "application/problem+json"])
        expect(await response.json()).toMatchObject({
          reason: "PluginNotLoaded",
          detail: expect.stringContaining("sluice/encryption/client-side"),
          retryable: false
        })
      }
      expect((await get(key, {}, "HEAD")).status).toBe(501)
      expect(failures).toHaveLength(4)
    }
    expect(openRequests(target().store.endpoint)).toEqual([])
  })

  it("costs a HEAD more than its ranges; without plugins that read, an object costs one GET", async () => {
    const key = freshKey("plain")
    const plain = open(target(), [Plugin.make({ name: "test/watches", open: () => Effect.succeed({}) })])
    await plain.put(key, body.slice(0, 1_000))
    const since = () => asked(target(), key).slice(1)
    await bytesOf(await plain.get(key))
    await bytesOf(await plain.get(key, { range: "bytes=5-" }))
    await plain.get(key, {}, "HEAD")
    expect(since()).toEqual(["GetObject", "GetObject", "HeadObject"])
    const through = open(target(), [seal])
    expect(await bytesOf(await through.get(key))).toEqual(body.slice(0, 1_000))
    await bytesOf(await through.get(key, { range: "bytes=5-" }))
    await through.get(key, {}, "HEAD")
    expect(since().slice(3)).toEqual(["HeadObject", "GetObject", "HeadObject", "GetObject", "HeadObject"])
  })

  it("whose stored bytes are damaged amid breaks the connection; at their begin it is a failure", async () => {
    const { failures, get, listen, put } = open(target(), [seal])
    const key = freshKey("damaged")
    await put(key, body)
    const stored = (await download(target(), key)) ?? body
    const { Metadata } = await target().client.send(new HeadObjectCommand({ Bucket: target().bucket, Key: key }))
    const damage = async (at: number) => {
      const Body = stored.slice()
      Body[at] = (Body[at] ?? 0) ^ 1
      await target().client.send(new PutObjectCommand({ Bucket: target().bucket, Key: key, Body, Metadata }))
    }
    await damage(stored.length - 1_000)
    const url = `${await listen()}/objects/${key}`
    const broken = await readSocket(request(url))
    expect(broken.response.statusCode).toBe(200)
    expect(broken.complete).toBe(false)
    expect(broken.length).toBeLessThan(body.length)
    expect(failures).toEqual([expect.stringContaining("ChecksumMismatch")])
    await damage(1_000)
    const response = await get(key)
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ reason: "ChecksumMismatch" })
    expect(openRequests(target().store.endpoint)).toEqual([])
  })

  it("that turns out wrong at its very end, or longer than it was said to be, never ends cleanly", async () => {
    const late = (size: (below: number) => number, fails: boolean) =>
      Plugin.make({
        name: "test/late",
        open: () => Effect.succeed({}),
        read: {
          stage: "encrypt",
          open: (_, below) =>
            Effect.succeed({
              size: size(below.size ?? 0),
              open: async function* (offset) {
                yield* below.open(offset)
                if (fails) throw new Error("all of it came, and it is wrong: secret")
              }
            })
        }
      })
    for (const plugin of [late((n) => n, true), late((n) => n - 1, false), late((n) => n + 1, false)]) {
      const { failures, listen, put } = open(target(), [plugin])
      const key = freshKey("late")
      await put(key, body.slice(0, MiB))
      const { complete, response } = await readSocket(request(`${await listen()}/objects/${key}`))
      expect([complete, response.statusCode]).toEqual([false, 200])
      expect(failures).toHaveLength(1)
    }
  })

  it("is let go when its client goes away, and holds no more than was asked for", async () => {
    const { get, listen, put, sluice } = open(target(), [seal], { concurrency: 1 })
    const key = freshKey("left")
    await put(key, body)
    const sent = request(`${await listen()}/objects/${key}`)
    await readSocket(sent, () => sent.destroy())
    await expect.poll(() => openRequests(target().store.endpoint)).toEqual([])
    // Where the runtime says it by the body alone.
    await (await get(key)).body?.cancel()
    expect(openRequests(target().store.endpoint)).toEqual([])
    // All memory is back: an upload that needs the budget runs.
    await sluice.upload({ key, body, partSize: 8 * MiB, concurrency: 8 }).done()
  })
})
