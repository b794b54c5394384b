import { randomBytes } from "node:crypto"
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { createSluice, isUploadError, type SluiceOptions, s3 } from "@sluice/core/promise"
import { type MinIO, minIOSuite, type S3Server, startMinIO, startS3 } from "@sluice/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { clientSide } from "./index.ts"

const MiB = 2 ** 20
const secret = randomBytes(32)

interface Place {
  readonly endpoint: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

const open = ({ endpoint, region, credentials }: Place, options: Partial<SluiceOptions> = {}) =>
  createSluice({
    store: s3({ bucket: "media", endpoint, region, credentials }),
    plugins: [clientSide({ key: { id: "k1", secret } })],
    partSize: 5 * MiB,
    ...options
  })

/** What the store has, as anybody gets it. */
const storedBytes = async ({ endpoint, region, credentials }: Place, key: string): Promise<Buffer> => {
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  try {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: "media", Key: key }))
    return Buffer.from((await Body?.transformToByteArray()) ?? [])
  } finally {
    client.destroy()
  }
}

const bytesOf = async (stream: ReadableStream<Uint8Array>): Promise<Buffer> =>
  Buffer.from(await new Response(stream).arrayBuffer())

const bodies = {
  "an empty object": () => ({ body: new Uint8Array(0), plain: Buffer.alloc(0) }),
  "one PUT": () => {
    const plain = randomBytes(1_000)
    return { body: plain, plain }
  },
  "three parts": () => {
    const plain = randomBytes(11 * MiB)
    return { body: plain, plain }
  },
  "a stream of two whole parts": () => {
    const plain = randomBytes(10 * MiB)
    return { body: new Blob([plain]).stream(), plain }
  }
}

const seals = (place: () => Place) =>
  it.each(Object.entries(bodies))("has %s sealed, and gives it back", async (_, make) => {
    const { body, plain } = make()
    await using sluice = open(place())
    const stored = await sluice.upload({ key: "a.bin", body }).done()
    expect(stored.proof).toBe("source")
    const sealed = await storedBytes(place(), "a.bin")
    expect(sealed.length).toBe(stored.size)
    expect(sealed.length).toBeGreaterThan(plain.length)
    if (plain.length > 0) expect(sealed.includes(plain.subarray(0, 100))).toBe(false)

    const whole = await sluice.read({ key: "a.bin" })
    expect(whole.size).toBe(plain.length)
    expect((await bytesOf(whole.stream)).equals(plain)).toBe(true)
    const range = await sluice.read({
      key: "a.bin",
      range: { start: plain.length >> 1, end: (plain.length >> 1) + 99 }
    })
    expect((await bytesOf(range.stream)).equals(plain.subarray(plain.length >> 1, (plain.length >> 1) + 100))).toBe(
      true
    )
    const raw = await sluice.read({ key: "a.bin", raw: true })
    expect((await bytesOf(raw.stream)).equals(sealed)).toBe(true)
  })

describe("the embedded store", () => {
  let server: S3Server
  beforeAll(async () => {
    server = await startS3({ buckets: ["media"] })
  })
  afterAll(() => server.close())
  seals(() => server)

  it("gives nothing to who has another key, or none, and says which is missing", async () => {
    await using sluice = open(server)
    await sluice.upload({ key: "b.bin", body: randomBytes(10) }).done()
    const message = async (plugins: NonNullable<SluiceOptions["plugins"]>): Promise<string> => {
      await using other = open(server, { plugins })
      try {
        await (await other.read({ key: "b.bin" })).stream.cancel()
        return "opened"
      } catch (cause) {
        return isUploadError(cause) ? `${cause.reason._tag}: ${cause.message}` : "no error of ours"
      }
    }
    const another = { id: "k2", secret: randomBytes(32) }
    expect(await message([])).toMatch(/^InvalidRequest: .*sluice\/encryption\/client-side/)
    expect(await message([clientSide({ key: another })])).toMatch(/^InvalidRequest: .*"k1"/)
    expect(await message([clientSide({ key: another, previousKeys: [{ id: "k1", secret }] })])).toBe("opened")
  })
})

const minIO = minIOSuite("MinIO")
describe.skipIf(minIO.skip)(minIO.title, () => {
  let server: MinIO
  beforeAll(async () => {
    server = await startMinIO()
    await server.createBucket("media")
  })
  afterAll(() => server[Symbol.asyncDispose]())
  seals(() => server)
})
