import { gunzipSync } from "node:zlib"
import { createSluice, isUploadError, type SluiceOptions, s3 } from "@sluice/core/promise"
import { type S3Server, startS3 } from "@sluice/testkit"
import { afterAll, beforeAll, expect, it } from "vitest"
import { clientSide } from "../encryption/client-side/index.ts"
import { compression } from "./index.ts"

const MiB = 2 ** 20
let server: S3Server
beforeAll(async () => {
  server = await startS3({ buckets: ["logs"] })
})
afterAll(() => server.close())

const open = (plugins: NonNullable<SluiceOptions["plugins"]>) => {
  const { endpoint, region, credentials } = server
  return createSluice({ store: s3({ bucket: "logs", endpoint, region, credentials }), plugins, partSize: 5 * MiB })
}

const bytesOf = async (stream: ReadableStream<Uint8Array>): Promise<Buffer> =>
  Buffer.from(await new Response(stream).arrayBuffer())

/** Compresses to about two thirds: digits at random. */
const digits = (size: number): Buffer<ArrayBuffer> => {
  const bytes = Buffer.alloc(size)
  let state = 1
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    bytes[i] = 48 + ((state >>> 16) % 10)
  }
  return bytes
}
const large = digits(18 * MiB)

it.each([
  ["one PUT", digits(10_000), "single"],
  ["parts", large, "multipart"],
  ["a stream", new Blob([large]).stream(), "multipart"]
] as const)("%s: what is stored is gzip of the source, and reads as the source", async (_, body, mode) => {
  await using sluice = open([compression()])
  const stored = await sluice.upload({ key: "a.csv", body }).done()
  expect(stored.parts > 1).toBe(mode === "multipart")
  const plain = mode === "single" ? digits(10_000) : large
  const bytes = Buffer.from((await server.object("logs", "a.csv")) ?? [])
  expect(bytes.length).toBeLessThan(plain.length * 0.6)
  expect(gunzipSync(bytes).equals(plain)).toBe(true)
  const { stream, proof } = await sluice.read({ key: "a.csv" })
  expect((await bytesOf(stream)).equals(plain)).toBe(true)
  expect(proof()).toBe("source")
})

it("what is compressed already, or small, is stored as it is", async () => {
  await using sluice = open([compression()])
  for (const [key, body] of [
    ["photo.jpg", digits(5_000)],
    ["note.txt", digits(1_023)]
  ] as const) {
    await sluice.upload({ key, body }).done()
    expect(Buffer.from((await server.object("logs", key)) ?? []).equals(body)).toBe(true)
    expect((await bytesOf((await sluice.read({ key })).stream)).equals(body)).toBe(true)
  }
})

it("Content-Encoding is said where it is asked for", async () => {
  await using sluice = open([compression({ contentEncoding: true })])
  await sluice.upload({ key: "page.html", body: digits(5_000) }).done()
  expect((await sluice.head("page.html")).contentEncoding).toBe("gzip")
  await using quiet = open([compression()])
  await quiet.upload({ key: "page.html", body: digits(5_000) }).done()
  expect((await quiet.head("page.html")).contentEncoding).toBeUndefined()
})

it("compressed and then sealed, whatever the order of the list, and read in ranges through both", async () => {
  const secret = new Uint8Array(32).fill(7)
  const seal = clientSide({ key: { id: "k", secret } })
  for (const plugins of [
    [compression({ algorithm: "zstd" }), seal],
    [seal, compression({ algorithm: "zstd" })]
  ]) {
    await using sluice = open(plugins)
    const stored = await sluice.upload({ key: "both.csv", body: large }).done()
    expect(stored.size).toBeLessThan(large.length * 0.6)
    const range = await sluice.read({ key: "both.csv", range: { start: 9 * MiB, end: 9 * MiB + 999 } })
    expect((await bytesOf(range.stream)).equals(large.subarray(9 * MiB, 9 * MiB + 1_000))).toBe(true)
  }
})

it("options that make no sense refuse the upload, naming what would", async () => {
  for (const options of [
    { algorithm: "gzip", level: 10 },
    { algorithm: "zstd", level: 0 },
    { algorithm: "gzip", level: 1.5 }
  ] as const) {
    await using sluice = open([compression(options)])
    const failed: unknown = await sluice
      .upload({ key: "a.csv", body: digits(5_000) })
      .done()
      .catch((cause: unknown) => cause)
    expect(isUploadError(failed) && failed.reason._tag).toBe("InvalidRequest")
    expect(isUploadError(failed) && failed.message).toMatch(/levels \d to \d+/)
  }
})
