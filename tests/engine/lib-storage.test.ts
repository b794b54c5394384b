import { Readable } from "node:stream"
import { GetObjectCommand, GetObjectTaggingCommand, HeadObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { Upload as Theirs } from "@aws-sdk/lib-storage"
import { type Options, Upload as Ours, type Progress } from "@sluice/core/lib-storage"
import { isUploadError } from "@sluice/core/promise"
import { type FaultyS3Server, startS3 } from "@sluice/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { chunksOf, MiB, pattern } from "./bytes.ts"

let server: FaultyS3Server
let client: S3Client
beforeAll(async () => {
  server = await startS3({ buckets: ["media"] })
  const { endpoint, region, credentials } = server
  client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
})
afterAll(async () => {
  client.destroy()
  await server.close()
})

const at = (Key: string) => ({ Bucket: "media", Key })
const large = pattern(11 * MiB)

/** What a foreign client sees of an object. */
const seen = async (Key: string) => {
  const { $metadata, LastModified, Metadata = {}, ...head } = await client.send(new HeadObjectCommand(at(Key)))
  const { TagSet } = await client.send(new GetObjectTaggingCommand(at(Key)))
  const { Body } = await client.send(new GetObjectCommand(at(Key)))
  const bytes = Buffer.from((await Body?.transformToByteArray()) ?? [])
  const { "sluice-token": _, ...metadata } = Metadata
  return { head, metadata: Object.entries(metadata).filter(([name]) => !name.startsWith("sluice-")), TagSet, bytes }
}

describe("Upload, beside the one of lib-storage", () => {
  it.each([
    ["one PUT", pattern(1_000)],
    ["three parts", large]
  ])("stores the same with the same words, and answers the same: %s", async (_, body) => {
    const params = (Key: string) => ({
      ...at(Key),
      Body: body,
      ContentType: "text/plain",
      CacheControl: "no-store",
      ContentDisposition: "attachment",
      ContentLanguage: "en",
      Metadata: { by: "ada" },
      StorageClass: "STANDARD_IA" as const,
      Tagging: "a=1&b=two%20words"
    })
    const options = { client, partSize: 5 * MiB, queueSize: 3 }
    const theirs = await new Theirs({ ...options, params: params("theirs") }).done()
    const ours = await new Ours({ ...options, params: params("ours") }).done()
    expect({ ...ours, $metadata: 0, Key: 0, Location: 0 }).toMatchObject({ Bucket: "media", ETag: theirs.ETag, Key: 0 })
    expect(ours.Location?.replace("ours", "theirs")).toBe(theirs.Location)
    const [a, b] = [await seen("theirs"), await seen("ours")]
    expect(b.bytes.equals(a.bytes)).toBe(true)
    expect({ ...b, bytes: 0, head: 0 }).toEqual({ ...a, bytes: 0, head: 0 })
    for (const field of [
      "ContentType",
      "CacheControl",
      "ContentDisposition",
      "ContentLanguage",
      "StorageClass",
      "ETag"
    ] as const) {
      expect([field, b.head[field]]).toEqual([field, a.head[field]])
    }
  })

  const bodies: ReadonlyArray<readonly [string, () => NonNullable<Options["params"]["Body"]>, Uint8Array]> = [
    ["a string", () => "grüße", new TextEncoder().encode("grüße")],
    ["a Buffer", () => Buffer.from(large), large],
    ["a Node stream", () => Readable.from(chunksOf(large)), large],
    ["a web stream", () => new Blob([large]).stream(), large],
    ["a Blob", () => new Blob([large]), large]
  ]
  it.each(bodies)("takes %s", async (_, body, bytes) => {
    await new Ours({ client, params: { ...at("body"), Body: body() } }).done()
    expect((await seen("body")).bytes.equals(bytes)).toBe(true)
  })

  it("tells progress that never falls and ends with all bytes, and the multipart id", async () => {
    const told: Array<Progress> = []
    const upload = new Ours({ client, partSize: 5 * MiB, params: { ...at("progress"), Body: large } })
    const unheard = () => expect.fail("an off() listener heard something")
    upload.on("httpUploadProgress", (progress) => told.push(progress)).on("httpUploadProgress", unheard)
    upload.off("httpUploadProgress", unheard)
    await upload.done()
    expect(told.at(-1)).toMatchObject({ loaded: large.length, total: large.length, ...at("progress") })
    expect(told.every(({ loaded }, i) => loaded >= (told[i - 1]?.loaded ?? 0))).toBe(true)
    expect(server.requests.some(({ uploadId }) => uploadId === upload.uploadId)).toBe(true)
    expect(upload.uploadId).toBeDefined()
  })

  it("runs once, however often done() is called", async () => {
    const before = server.requests.filter(({ op }) => op === "PutObject").length
    const upload = new Ours({ client, params: { ...at("once"), Body: "once" } })
    expect(await upload.done()).toBe(await upload.done())
    expect(server.requests.filter(({ op }) => op === "PutObject").length).toBe(before + 1)
  })
})

describe("an Upload that is ended or fails", () => {
  it.each(["abort()", "its abortController"])("by %s rejects with AbortError and leaves nothing", async (how) => {
    const abortController = new AbortController()
    async function* endless(): AsyncGenerator<Uint8Array> {
      while (true) {
        yield pattern(MiB)
        if (server.openUploads().length > 0 && how !== "abort()") abortController.abort()
        if (server.openUploads().length > 0 && how === "abort()") void upload.abort()
      }
    }
    const upload = new Ours({
      client,
      partSize: 5 * MiB,
      params: { ...at("endless"), Body: Readable.from(endless()) },
      abortController
    })
    await expect(upload.done()).rejects.toMatchObject({ name: "AbortError" })
    await upload.abort()
    expect(server.openUploads()).toEqual([])
  })

  it("leaves nothing, or its parts where that was asked for", async () => {
    const failing = async (leavePartsOnError: boolean) => {
      const fault = server.faults.add({
        match: { op: "UploadPart", key: "failing", partNumber: 2 },
        action: { type: "status", status: 403, code: "AccessDenied" },
        times: Number.POSITIVE_INFINITY
      })
      const upload = new Ours({
        client,
        partSize: 5 * MiB,
        leavePartsOnError,
        params: { ...at("failing"), Body: large }
      })
      await expect(upload.done()).rejects.toMatchObject({ reason: { _tag: "AccessDenied" } })
      fault.remove()
      return server.openUploads().length
    }
    expect(await failing(false)).toBe(0)
    expect(await failing(true)).toBe(1)
  })

  it.each([
    [{ ACL: "public-read" as const }, "ACL"],
    [{ ServerSideEncryption: "aws:kms" as const, SSEKMSKeyId: "k" }, "SSEKMSKeyId"],
    [{ ServerSideEncryption: "aws:kms" as const }, "aws:kms"],
    [{ ChecksumAlgorithm: "SHA256" as const }, "SHA256"]
  ])("throws at once for %j, which it would not send", (params, name) => {
    const make = () => new Ours({ client, params: { ...at("never"), Body: "x", ...params } })
    expect(make).toThrow(name)
    try {
      make()
    } catch (cause) {
      expect(isUploadError(cause) && cause.reason._tag).toBe("InvalidRequest")
    }
  })

  it("throws at once without a Body", () => {
    expect(() => new Ours({ client, params: at("never") })).toThrow("Body")
  })
})
