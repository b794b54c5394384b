import { createHash, randomBytes } from "node:crypto"
import { Readable } from "node:stream"
import { text } from "node:stream/consumers"
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand
} from "@aws-sdk/client-s3"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { memoryStore, type S3Server, startS3 } from "../index.ts"

const MIB = 1024 * 1024

let server: S3Server
let s3: S3Client

beforeAll(async () => {
  server = await startS3({ buckets: ["media"] })
  s3 = new S3Client({ ...locationOf(server), forcePathStyle: true, maxAttempts: 1 })
})

afterAll(async () => {
  s3.destroy()
  await server.close()
})

const locationOf = ({ endpoint, region, credentials }: S3Server) => ({ endpoint, region, credentials })
const at = (Key: string) => ({ Bucket: "media", Key })
const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex")
const bytesOf = async (output: { Body?: { transformToByteArray(): Promise<Uint8Array> } | undefined }) =>
  Buffer.from((await output.Body?.transformToByteArray()) ?? [])

describe("objects", () => {
  it("come back byte for byte with everything said about them", async () => {
    const Body = randomBytes(300_000)
    const put = await s3.send(
      new PutObjectCommand({
        ...at("a/ä key+&<.bin"),
        Body,
        ContentType: "video/mp4",
        CacheControl: "max-age=60",
        ContentDisposition: "inline",
        ContentLanguage: "en",
        ContentEncoding: "identity",
        Metadata: { owner: "me" },
        Tagging: "team=a&stage=b%20c",
        StorageClass: "STANDARD_IA",
        ServerSideEncryption: "AES256"
      })
    )
    expect(put).toMatchObject({ ETag: `"${md5(Body)}"`, ServerSideEncryption: "AES256", ChecksumType: "FULL_OBJECT" })
    const got = await s3.send(new GetObjectCommand({ ...at("a/ä key+&<.bin"), ChecksumMode: "ENABLED" }))
    expect(got).toMatchObject({
      ContentType: "video/mp4",
      CacheControl: "max-age=60",
      ContentDisposition: "inline",
      ContentLanguage: "en",
      ContentEncoding: "identity",
      ContentLength: 300_000,
      Metadata: { owner: "me" },
      TagCount: 2,
      StorageClass: "STANDARD_IA",
      ServerSideEncryption: "AES256",
      ChecksumCRC32: put.ChecksumCRC32
    })
    expect(await bytesOf(got)).toEqual(Body)
    const tags = await s3.send(new GetObjectTaggingCommand(at("a/ä key+&<.bin")))
    expect(tags.TagSet).toEqual([
      { Key: "team", Value: "a" },
      { Key: "stage", Value: "b c" }
    ])
  })

  it("survive the SDK's chunked framing of a stream", async () => {
    const chunks = Array.from({ length: 20 }, () => randomBytes(10_000))
    await s3.send(new PutObjectCommand({ ...at("stream"), Body: Readable.from(chunks), ContentLength: 200_000 }))
    expect(await server.object("media", "stream")).toEqual(Buffer.concat(chunks))
  })

  it("are copied without their bytes moving, and outlive their source", async () => {
    await s3.send(new PutObjectCommand({ ...at("source"), Body: "copy me", Metadata: { a: "1" } }))
    await s3.send(new CopyObjectCommand({ ...at("copy"), CopySource: "media/source" }))
    await s3.send(new DeleteObjectCommand(at("source")))
    const copy = await s3.send(new GetObjectCommand(at("copy")))
    expect(copy.Metadata).toEqual({ a: "1" })
    expect(await copy.Body?.transformToString()).toBe("copy me")
  })

  it("are deleted, singly and in bulk, and twice without complaint", async () => {
    await s3.send(new PutObjectCommand({ ...at("gone1"), Body: "x" }))
    await s3.send(new PutObjectCommand({ ...at("gone2"), Body: "x" }))
    await s3.send(new DeleteObjectCommand(at("gone1")))
    await s3.send(new DeleteObjectCommand(at("gone1")))
    const bulk = await s3.send(
      new DeleteObjectsCommand({ Bucket: "media", Delete: { Objects: [{ Key: "gone2" }, { Key: "never" }] } })
    )
    expect(bulk.Deleted?.map(({ Key }) => Key)).toEqual(["gone2", "never"])
    expect(await server.object("media", "gone2")).toBeUndefined()
  })

  it("stay readable to the end while they are overwritten", async () => {
    const old = randomBytes(8 * MIB)
    await s3.send(new PutObjectCommand({ ...at("busy"), Body: old }))
    const reading = await s3.send(new GetObjectCommand(at("busy")))
    await s3.send(new PutObjectCommand({ ...at("busy"), Body: "new" }))
    expect((await bytesOf(reading)).equals(old)).toBe(true)
  })
})

describe("conditions", () => {
  it("guard reads", async () => {
    const { ETag } = await s3.send(new PutObjectCommand({ ...at("read-if"), Body: "x" }))
    const get = (conditions: object) => s3.send(new GetObjectCommand({ ...at("read-if"), ...conditions }))
    await expect(get({ IfMatch: ETag })).resolves.toBeDefined()
    await expect(get({ IfMatch: '"other"' })).rejects.toMatchObject({ name: "PreconditionFailed" })
    await expect(get({ IfNoneMatch: ETag })).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } })
    await expect(get({ IfModifiedSince: new Date(Date.now() + 60_000) })).rejects.toMatchObject({
      $metadata: { httpStatusCode: 304 }
    })
    await expect(get({ IfUnmodifiedSince: new Date(0) })).rejects.toMatchObject({ name: "PreconditionFailed" })
  })

  it("guard writes, and of two rivals let one win", async () => {
    const put = (conditions: object) => s3.send(new PutObjectCommand({ ...at("write-if"), Body: "x", ...conditions }))
    await expect(put({ IfMatch: '"any"' })).rejects.toMatchObject({ name: "NoSuchKey" })
    const rivals = await Promise.allSettled([put({ IfNoneMatch: "*" }), put({ IfNoneMatch: "*" })])
    expect(rivals.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
    await expect(put({ IfMatch: '"other"' })).rejects.toMatchObject({ name: "PreconditionFailed" })
    await expect(put({ IfMatch: `"${md5(Buffer.from("x"))}"` })).resolves.toBeDefined()
    await expect(put({ IfNoneMatch: '"etag"' })).rejects.toMatchObject({ name: "NotImplemented" })
  })
})

describe("buckets", () => {
  it("are made at the start, listed, and in the server's region", async () => {
    expect((await s3.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name)).toContain("media")
    expect((await s3.send(new GetBucketLocationCommand({ Bucket: "media" }))).LocationConstraint ?? "").toBe("")
  })
})

it("a server that is told nothing has a bucket, and takes it over from its store", async () => {
  const store = memoryStore()
  for (const _ of [1, 2]) {
    await using plain = await startS3({ store })
    const client = new S3Client({ ...locationOf(plain), forcePathStyle: true })
    const { Buckets = [] } = await client.send(new ListBucketsCommand({}))
    expect(Buckets.map(({ Name }) => Name)).toEqual(["sluice"])
    client.destroy()
  }
})

describe("listings", () => {
  beforeAll(async () => {
    await s3.send(new CreateBucketCommand({ Bucket: "list" }))
    for (const Key of ["b", "a/1", "a/2", "a/b/3", "z & <", "\u{1F600}", "\uFFFD"]) {
      await s3.send(new PutObjectCommand({ Bucket: "list", Key, Body: Key }))
    }
  })

  it("are in UTF-8 order, paged and rolled up at a delimiter", async () => {
    const keys: Array<string | undefined> = []
    let ContinuationToken: string | undefined
    do {
      const page = await s3.send(
        new ListObjectsV2Command({
          Bucket: "list",
          Delimiter: "/",
          MaxKeys: 2,
          ...(ContinuationToken === undefined ? {} : { ContinuationToken })
        })
      )
      keys.push(
        ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix),
        ...(page.Contents ?? []).map(({ Key }) => Key)
      )
      ContinuationToken = page.NextContinuationToken
    } while (ContinuationToken !== undefined)
    expect(keys).toEqual(["a/", "b", "z & <", "\uFFFD", "\u{1F600}"])
  })

  it("filter by prefix and start after a key", async () => {
    const v2 = await s3.send(new ListObjectsV2Command({ Bucket: "list", Prefix: "a/", StartAfter: "a/1" }))
    expect(v2.Contents?.map(({ Key }) => Key)).toEqual(["a/2", "a/b/3"])
    const v1 = await s3.send(new ListObjectsCommand({ Bucket: "list", Marker: "a/2", MaxKeys: 2, EncodingType: "url" }))
    expect(v1).toMatchObject({ IsTruncated: true, Contents: [{ Key: "a/b/3" }, { Key: "b" }] })
  })
})

describe("multipart uploads", () => {
  const create = async (Key: string, options: object = {}) => {
    const { UploadId = "" } = await s3.send(new CreateMultipartUploadCommand({ ...at(Key), ...options }))
    return { ...at(Key), UploadId }
  }
  const part = async (
    upload: object & { Bucket: string; Key: string; UploadId: string },
    PartNumber: number,
    Body: Uint8Array
  ) => {
    const { ETag, ChecksumCRC32 } = await s3.send(new UploadPartCommand({ ...upload, PartNumber, Body }))
    return { PartNumber, ETag, ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }) }
  }
  const complete = (
    upload: { Bucket: string; Key: string; UploadId: string },
    Parts: Array<object>,
    options: object = {}
  ) => s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts }, ...options }))

  const first = randomBytes(5 * MIB)
  const second = randomBytes(100_000)

  it("become the concatenation of their parts, with the composite ETag", async () => {
    const upload = await create("big", { Metadata: { a: "b" }, ServerSideEncryption: "AES256" })
    // Parts may come in any order, and again; the last one counts.
    const two = await part(upload, 2, second)
    await part(upload, 1, second)
    const one = await part(upload, 1, first)
    expect(server.openUploads()).toContainEqual({
      bucket: "media",
      key: "big",
      uploadId: upload.UploadId,
      parts: [1, 2]
    })
    const done = await complete(upload, [one, two], { MpuObjectSize: first.length + second.length })
    const digests = Buffer.concat([first, second].map((bytes) => Buffer.from(md5(bytes), "hex")))
    expect(done).toMatchObject({
      ETag: `"${md5(digests)}-2"`,
      Bucket: "media",
      Key: "big",
      ServerSideEncryption: "AES256"
    })
    const whole = Buffer.from((await server.object("media", "big")) ?? [])
    expect(whole.equals(Buffer.concat([first, second]))).toBe(true)
    expect(server.requests.filter(({ op, key }) => op === "UploadPart" && key === "big")).toMatchObject([
      { partNumber: 2, attempt: 1, status: 200 },
      { partNumber: 1, attempt: 1, status: 200 },
      { partNumber: 1, attempt: 2, status: 200 }
    ])
    expect(await s3.send(new HeadObjectCommand({ ...at("big"), PartNumber: 2 }))).toMatchObject({
      ContentLength: second.length,
      PartsCount: 2,
      Metadata: { a: "b" }
    })
    const across = await s3.send(new GetObjectCommand({ ...at("big"), Range: `bytes=${5 * MIB - 2}-${5 * MIB + 1}` }))
    expect(await bytesOf(across)).toEqual(Buffer.concat([first.subarray(-2), second.subarray(0, 2)]))
    expect(server.openUploads()).toEqual([])
    await expect(complete(upload, [one, two])).rejects.toMatchObject({ name: "NoSuchUpload" })
  })

  it("are listed by prefix in pages, those of one key in the order they began", async () => {
    const uploads = [await create("x/1"), await create("x/1"), await create("x/2"), await create("y")]
    const first = await s3.send(new ListMultipartUploadsCommand({ Bucket: "media", Prefix: "x/", MaxUploads: 1 }))
    const rest = await s3.send(
      new ListMultipartUploadsCommand({
        Bucket: "media",
        Prefix: "x/",
        KeyMarker: first.NextKeyMarker,
        UploadIdMarker: first.NextUploadIdMarker
      })
    )
    expect(first.IsTruncated).toBe(true)
    const ids = [...(first.Uploads ?? []), ...(rest.Uploads ?? [])].map(({ UploadId }) => UploadId)
    expect(new Set(ids)).toEqual(new Set(uploads.slice(0, 3).map(({ UploadId }) => UploadId)))
    for (const upload of uploads) await s3.send(new AbortMultipartUploadCommand(upload))
  })

  it("take parts from ranges of other objects", async () => {
    await s3.send(new PutObjectCommand({ ...at("origin"), Body: "0123456789" }))
    const upload = await create("assembled")
    const copied = await s3.send(
      new UploadPartCopyCommand({ ...upload, PartNumber: 1, CopySource: "media/origin", CopySourceRange: "bytes=2-5" })
    )
    expect(copied.CopyPartResult?.ETag).toBe(`"${md5(Buffer.from("2345"))}"`)
    await complete(upload, [{ PartNumber: 1, ETag: copied.CopyPartResult?.ETag }])
    expect(await text(Readable.from([await server.object("media", "assembled")]))).toBe("2345")
  })

  it("are conditional at their end, and stay open when refused", async () => {
    await s3.send(new PutObjectCommand({ ...at("taken"), Body: "old" }))
    const upload = await create("taken")
    const one = await part(upload, 1, second)
    await expect(complete(upload, [one], { IfNoneMatch: "*" })).rejects.toMatchObject({ name: "PreconditionFailed" })
    expect(await server.object("media", "taken")).toEqual(Buffer.from("old"))
    await s3.send(new AbortMultipartUploadCommand(upload))
  })
})
