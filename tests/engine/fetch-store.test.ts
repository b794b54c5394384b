/** The engine over fetch: the same promises, and nothing of the SDK. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { text } from "node:stream/consumers"
import * as Journal from "@sluice/core/Journal"
import { createSluice, type SluiceOptions, type UploadEvent } from "@sluice/core/promise"
import { fetchS3 } from "@sluice/core/s3/FetchObjectStore"
import { type FaultAction, startS3 } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { chunksOf, MiB, pattern, sha256, webStream } from "./bytes.ts"
import { freshKey, quick } from "./trial.ts"

const bucket = "media"
const bytes = pattern(11 * MiB + 7)
let server: Awaited<ReturnType<typeof startS3>>
beforeAll(async () => {
  server = await startS3({ buckets: [bucket] })
})
afterAll(() => server[Symbol.asyncDispose]())

const storeOptions = () => ({
  bucket,
  endpoint: server.endpoint,
  region: server.region,
  credentials: server.credentials
})
const start = (options: Partial<SluiceOptions> = {}) =>
  createSluice({ ...quick, ...options, store: fetchS3(storeOptions()) })

const expectStored = async (key: string, expected: Uint8Array): Promise<void> => {
  const object = await server.object(bucket, key)
  expect(object && sha256(object)).toBe(sha256(expected))
  expect(server.openUploads()).toEqual([])
}

describe("over fetch an upload is the same bytes", () => {
  it.each([
    ["none", () => pattern(0), pattern(0)],
    ["in one request", () => pattern(100_000), pattern(100_000)],
    ["in parts", () => bytes, bytes],
    ["of a stream", () => webStream(chunksOf(bytes)), bytes]
  ])("%s, and read back", async (_, body, expected) => {
    await using sluice = start()
    const key = freshKey("a b/ü+%2F")
    const stored = await sluice.upload({ key, body: body() }).done()
    expect(stored.proof).toBe("source")
    await expectStored(key, expected)
    const { stream } = await sluice.read({ key })
    expect(sha256(new Uint8Array(await new Response(stream).arrayBuffer()))).toBe(sha256(expected))
  })

  it("copied by the store", async () => {
    await using sluice = start()
    const [key, copy] = [freshKey(), freshKey()]
    await sluice.upload({ key, body: bytes }).done()
    await sluice.copy({ from: { key }, to: { key: copy } })
    await expectStored(copy, bytes)
  })

  it.each<readonly [string, FaultAction, string]>([
    ["a part is answered 503", { type: "status", status: 503, code: "SlowDown" }, "Throttled"],
    ["a part's answer is lost", { type: "dropAfterCommit" }, "Unavailable"],
    ["a part's connection is reset", { type: "reset", afterBytes: MiB }, "Unavailable"],
    ["a part arrives damaged", { type: "corrupt", byte: 7 }, "ChecksumMismatch"],
    ["a page answers for a part", { type: "html200" }, "InvalidResponse"]
  ])("although %s", async (_, action, reason) => {
    await using sluice = start()
    const key = freshKey()
    server.faults.add({ match: { op: "UploadPart", key, partNumber: 1 }, action })
    const upload = sluice.upload({ key, body: bytes })
    await upload.done()
    const retried: Array<string> = []
    for await (const event of upload.events()) if (event._tag === "Retrying") retried.push(event.error.reason._tag)
    expect(retried).toEqual([reason])
    await expectStored(key, bytes)
  })

  it("although the answer to Complete is lost", async () => {
    await using sluice = start()
    const key = freshKey()
    server.faults.add({ match: { op: "CompleteMultipartUpload", key }, action: { type: "dropAfterCommit" } })
    await sluice.upload({ key, body: bytes }).done()
    await expectStored(key, bytes)
  })
})

it("over fetch an upload that was kept is resumed: what is stored is not sent again", async () => {
  const journal = Layer.succeed(Journal.Journal, { ...(await Effect.runPromise(Journal.makeMemory)), durable: true })
  const key = freshKey()
  server.faults.add({
    match: { op: "UploadPart", key, partNumber: 2 },
    action: { type: "status", status: 403, code: "AccessDenied" }
  })
  {
    await using sluice = start({ journal, onFailure: "keep", concurrency: 1 })
    await expect(sluice.upload({ key, body: bytes }).done()).rejects.toMatchObject({ reason: { _tag: "AccessDenied" } })
  }
  server.faults.clear()
  await using sluice = start({ journal })
  const upload = sluice.resume({ key }, { body: bytes })
  await upload.done()
  const events: Array<UploadEvent> = []
  for await (const event of upload.events()) events.push(event)
  const sent = server.requests.filter((request) => request.op === "UploadPart" && request.key === key)
  expect(sent.map(({ partNumber }) => partNumber)).toEqual([1, 2, 2, 3])
  await expectStored(key, bytes)
})

it("over fetch an upload that is aborted while a part is on its way leaves nothing", async () => {
  await using sluice = start()
  const key = freshKey()
  server.faults.add({ match: { op: "UploadPart", key }, action: { type: "stall", afterBytes: MiB }, times: 3 })
  const upload = sluice.upload({ key, body: bytes })
  await expect.poll(() => server.openUploads().length).toBe(1)
  await upload.abort()
  await expect(upload.done()).rejects.toMatchObject({ name: "AbortError" })
  expect(server.openUploads()).toEqual([])
  server.faults.clear()
})

/** Uploads and reads without any module of Node's, and tells what was loaded for it. */
const bare = `
  import { registerHooks } from "node:module"
  const loaded = []
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context)
      loaded.push(resolved.url + " for " + context.parentURL)
      return resolved
    }
  })
  process.getBuiltinModule = undefined
  const { createSluice } = await import("@sluice/core/create-sluice")
  const { fetchS3 } = await import("@sluice/core/s3/FetchObjectStore")
  const { store, size } = JSON.parse(process.env.SLUICE_BARE)
  const sluice = createSluice({ store: fetchS3(store), partSize: 5 * 1024 * 1024 })
  const { proof } = await sluice.upload({ key: "bare", body: new Uint8Array(size).fill(7) }).done()
  const { stream } = await sluice.read({ key: "bare" })
  const read = (await new Response(stream).arrayBuffer()).byteLength
  await sluice.dispose()
  console.log(JSON.stringify({ proof, read, loaded }))
`

it("over fetch nothing of the SDK is loaded and no module of Node's: an upload needs neither", async () => {
  const child = spawn(process.execPath, ["--input-type=module", "-e", bare], {
    env: { ...process.env, SLUICE_BARE: JSON.stringify({ store: storeOptions(), size: bytes.length }) },
    stdio: ["ignore", "pipe", "inherit"]
  })
  const [told] = await Promise.all([text(child.stdout), once(child, "exit")])
  const { proof, read, loaded } = JSON.parse(told)
  expect([proof, read]).toEqual(["source", bytes.length])
  expect(loaded.length).toBeGreaterThan(50)
  expect(loaded.filter((url: string) => /@aws-sdk|@smithy|^node:/.test(url))).toEqual([])
})
