import { randomBytes } from "node:crypto"
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand
} from "@aws-sdk/client-s3"
import { profiles as facts, GiB, MiB } from "@sluice/core/Limits"
import { s3 as coreStore, createSluice } from "@sluice/core/promise"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { putChunked, sendSigned } from "../../../test/behaviour/sign.ts"
import { type Provider, profiles, RequestJournal, type S3Server, startS3 } from "../../index.ts"
import { makeS3Handler } from "../S3Handler.ts"
import { S3Model } from "../S3Model.ts"
import { memoryStore } from "../store/memory-store.ts"

const isProvider = (name: string): name is Provider => Object.hasOwn(profiles, name)
const providers = Object.keys(profiles).filter(isProvider)

it("there is a profile for every provider that the core knows by name", () => {
  expect(providers).toEqual(Object.keys(facts).filter((name) => name !== "generic"))
})

describe.each(providers)("the engine with its profile %s", (provider) => {
  it("stores a single PUT and a multipart upload on a server of the same profile, and leaves nothing", async () => {
    await using server = await startS3({ profile: provider, buckets: ["media"] })
    const { endpoint, region, credentials } = server
    await using sluice = createSluice({
      store: coreStore({ bucket: "media", provider, endpoint, region, credentials })
    })
    for (const size of [1000, 11 * MiB]) {
      const body = randomBytes(size)
      const stored = await sluice.upload({ key: `k${size}`, body, partSize: 5 * MiB }).done()
      expect(stored.proof).toBe(provider === "gcs" ? "transport" : "source")
      expect(Buffer.from((await server.object("media", `k${size}`)) ?? []).equals(body)).toBe(true)
    }
    await server.assertQuiescent()
  })
})

it("the engine waits out the second that R2 keeps between two writes of a key", async () => {
  // The second passes once a write has been refused for it.
  let now = Date.now()
  await using server = await startS3({ profile: "r2", buckets: ["media"], clock: () => now })
  const { endpoint, region, credentials } = server
  const store = coreStore({ bucket: "media", provider: "r2", endpoint, region, credentials })
  await using sluice = createSluice({ store })
  await sluice.upload({ key: "k", body: Buffer.from("one") }).done()
  const second = sluice.upload({ key: "k", body: Buffer.from("two") })
  while (!server.requests.some(({ status }) => status === 429)) await new Promise((resolve) => setImmediate(resolve))
  now += 1000
  await second.done()
  expect(Buffer.from((await server.object("media", "k")) ?? []).toString()).toBe("two")
})

/** A server of a profile and a client of which the case decides what is sent. */
function serving(profile: Provider, clock?: () => number) {
  let server: S3Server | undefined
  let client: S3Client | undefined
  const got = <A>(value: A | undefined): A => {
    if (value === undefined) throw new Error("only there inside a case")
    return value
  }
  beforeAll(async () => {
    server = await startS3({ profile, buckets: ["media"], ...(clock === undefined ? {} : { clock }) })
    const { endpoint, region, credentials } = server
    client = new S3Client({
      ...{ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 },
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED"
    })
  })
  afterAll(async () => {
    client?.destroy()
    await server?.close()
  })
  const at = (Key: string) => ({ Bucket: "media", Key })
  const put = (Key: string, more: object = {}) =>
    got(client).send(new PutObjectCommand({ ...at(Key), Body: "bytes", ...more }))
  const begin = async (Key: string, more: Partial<CreateMultipartUploadCommandInput> = {}) => {
    const { UploadId } = await got(client).send(new CreateMultipartUploadCommand({ ...at(Key), ...more }))
    const id = { ...at(Key), UploadId }
    const part = async (PartNumber: number, size: number, more: object = {}) => {
      const sent = new UploadPartCommand({ ...id, PartNumber, Body: Buffer.alloc(size, PartNumber), ...more })
      const { ETag, ChecksumCRC32 } = await got(client).send(sent)
      return { PartNumber, ETag, ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }) }
    }
    const complete = (Parts: Array<object>, more: object = {}) =>
      got(client).send(new CompleteMultipartUploadCommand({ ...id, MultipartUpload: { Parts }, ...more }))
    return { id, part, complete }
  }
  return { at, put, begin, client: () => got(client), server: () => got(server) }
}

const refusal = (status: number, name: string) => ({ name, $metadata: { httpStatusCode: status } })

describe("aws", () => {
  const { begin } = serving("aws")
  it("answers a Complete again", async () => {
    const upload = await begin("k")
    const part = await upload.part(1, 10)
    const { ETag } = await upload.complete([part])
    expect(await upload.complete([part])).toMatchObject({ ETag })
  })
})

describe("minio", () => {
  const { begin, client } = serving("minio")
  const find = async (Prefix: string) => {
    const { Uploads = [], IsTruncated } = await client().send(
      new ListMultipartUploadsCommand({ Bucket: "media", Prefix, MaxUploads: 2 })
    )
    return { keys: Uploads.map(({ Key }) => Key), IsTruncated }
  }

  it("finds open uploads by their whole key only", async () => {
    for (const key of ["a/b", "a/b&c", "a/b/c", "a/b/d"]) await begin(key)
    expect(await find("a/b")).toEqual({ keys: ["a/b"], IsTruncated: false })
    expect(await find("a/b&c")).toEqual({ keys: ["a/b&c"], IsTruncated: false })
    expect(await find("a/")).toEqual({ keys: [], IsTruncated: false })
    expect(await find("")).toEqual({ keys: ["a/b", "a/b&c"], IsTruncated: true })
  })

  it("aborts what is not there, and forgets an upload at its Complete", async () => {
    const upload = await begin("gone")
    const part = await upload.part(1, 10)
    await upload.complete([part])
    await expect(upload.complete([part])).rejects.toMatchObject(refusal(404, "NoSuchUpload"))
    const { $metadata } = await client().send(new AbortMultipartUploadCommand(upload.id))
    expect($metadata.httpStatusCode).toBe(204)
  })
})

describe("r2", () => {
  let now = Date.now()
  const { at, begin, client, put, server } = serving("r2", () => now)

  it("signs for the region auto", () => {
    expect(server().region).toBe("auto")
  })

  it("wants parts of one size, and a last one that is not larger", async () => {
    for (const [sizes, fits] of [
      [[5 * MiB, 5 * MiB, 1], true],
      [[5 * MiB, 5 * MiB], true],
      [[6 * MiB, 5 * MiB, 1], false],
      [[5 * MiB, 5 * MiB + 1], false]
    ] as const) {
      const upload = await begin("parts")
      const parts = await Promise.all(sizes.map((size, i) => upload.part(i + 1, size)))
      now += 1000
      if (fits) await upload.complete(parts)
      else await expect(upload.complete(parts)).rejects.toMatchObject(refusal(400, "InvalidPart"))
    }
  })

  it("takes one write of a key a second, by the clock", async () => {
    await put("often")
    now += 999
    await expect(put("often")).rejects.toMatchObject(refusal(429, "ServiceUnavailable"))
    await put("another")
    now += 1
    await put("often")
  })

  it("has CRC32 as COMPOSITE only, and no SHA checksum of a part", async () => {
    const whole = begin("whole", { ChecksumAlgorithm: "CRC32", ChecksumType: "FULL_OBJECT" })
    await expect(whole).rejects.toMatchObject(refusal(501, "NotImplemented"))
    await begin("nvme", { ChecksumAlgorithm: "CRC64NVME", ChecksumType: "FULL_OBJECT" })
    const upload = await begin("sha")
    const ChecksumSHA256 = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
    await expect(upload.part(1, 5, { ChecksumSHA256 })).rejects.toMatchObject(refusal(501, "NotImplemented"))
  })

  it("has no tags, and no signed chunks", async () => {
    await expect(put("tagged", { Tagging: "a=b" })).rejects.toMatchObject(refusal(501, "NotImplemented"))
    const tags = client().send(new GetObjectTaggingCommand(at("any")))
    await expect(tags).rejects.toMatchObject(refusal(501, "NotImplemented"))
    const chunked = { target: "/media/chunks", chunks: [Buffer.from("x")], framing: "signed" } as const
    now = Date.now()
    expect(await putChunked(server(), chunked)).toMatchObject({ status: 501, code: "NotImplemented" })
  })

  it("ends before 4.995 GiB in one body, and before 4.995 TiB in an object", async () => {
    const { maxObjectSize, maxPutSize } = facts.r2.limits
    expect(await answerTo("r2", "PUT", "/media/k", { "content-length": `${maxPutSize + 1}` })).toContain(
      "EntityTooLarge"
    )
    expect(await completeOf("r2", maxObjectSize)).toContain("CompleteMultipartUploadResult")
    expect(await completeOf("r2", maxObjectSize + 1)).toContain("EntityTooLarge")
  })
})

describe("b2", () => {
  const { begin, put, server } = serving("b2")

  it("refuses every checksum header by name", async () => {
    for (const more of [{ ChecksumCRC32: "AAAAAA==" }, { ChecksumAlgorithm: "SHA1" }]) {
      await expect(put("k", more)).rejects.toMatchObject({
        ...refusal(400, "InvalidArgument"),
        message: expect.stringMatching(/^Unsupported header 'x-amz-(sdk-)?checksum-\S+' received for this API call\.$/)
      })
    }
    const create = begin("k", { ChecksumAlgorithm: "CRC32" })
    await expect(create).rejects.toMatchObject(refusal(400, "InvalidArgument"))
    const headers = { "x-amz-checksum-mode": "ENABLED" }
    expect((await sendSigned(server(), { method: "HEAD", target: "/media/k", headers })).status).toBe(400)
    await put("k", { ContentMD5: "S55kBs6TvQOyVbz/MRFX8A==" }).catch((error) =>
      expect(error).toMatchObject(refusal(400, "BadDigest"))
    )
  })

  it("has no conditions", async () => {
    await expect(put("k", { IfNoneMatch: "*" })).rejects.toMatchObject(refusal(501, "NotImplemented"))
  })
})

describe("gcs", () => {
  const { at, begin, client, put, server } = serving("gcs")

  it("has multipart ETags that are no digest, and knows them again", async () => {
    const upload = await begin("k")
    const { ETag = "" } = await upload.complete([await upload.part(1, 10)])
    expect(ETag).toMatch(/^"C[\w-]+="$/)
    expect(ETag).not.toMatch(/[0-9a-f]{32}/)
    const get = (conditions: object) => client().send(new GetObjectCommand({ ...at("k"), ...conditions }))
    expect((await client().send(new HeadObjectCommand(at("k")))).ETag).toBe(ETag)
    expect((await get({ IfMatch: ETag })).ETag).toBe(ETag)
    await expect(get({ IfNoneMatch: ETag })).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } })
    await expect(get({ IfMatch: '"Cother="' })).rejects.toMatchObject(refusal(412, "PreconditionFailed"))
  })

  it("overlooks S3's checksums, sizes and write conditions, and takes no chunks", async () => {
    await put("k", { ChecksumCRC32: "AAAAAA==", IfNoneMatch: "*" })
    const head = await client().send(new HeadObjectCommand({ ...at("k"), ChecksumMode: "ENABLED" }))
    expect(head.ChecksumCRC32).toBeUndefined()
    const chunked = {
      target: "/media/chunks",
      chunks: [Buffer.from("x")],
      framing: "unsigned, with a trailer"
    } as const
    expect((await putChunked(server(), chunked)).status).toBe(400)
  })
})

describe("ceph", () => {
  const { begin } = serving("ceph")

  it("has CRC32 as COMPOSITE only", async () => {
    const whole = begin("whole", { ChecksumAlgorithm: "CRC32", ChecksumType: "FULL_OBJECT" })
    await expect(whole).rejects.toMatchObject(refusal(400, "InvalidRequest"))
  })

  it("stumbles once over a Complete after one with a wrong checksum", async () => {
    const upload = await begin("k", { ChecksumAlgorithm: "CRC32" })
    const part = await upload.part(1, 10, { ChecksumAlgorithm: "CRC32" })
    const wrong = { ChecksumCRC32: "AAAAAA==" }
    await expect(upload.complete([part], wrong)).rejects.toMatchObject(refusal(400, "BadDigest"))
    await expect(upload.complete([part])).rejects.toMatchObject(refusal(500, "InternalError"))
    await upload.complete([part])
  })
})

describe("garage", () => {
  const { at, client, put, server } = serving("garage")

  it("signs for the region garage", () => {
    expect(server().region).toBe("garage")
  })

  it("has no encryption at rest and no tags, and overlooks write conditions", async () => {
    const sealed = put("k", { ServerSideEncryption: "AES256" })
    await expect(sealed).rejects.toMatchObject(refusal(501, "NotImplemented"))
    const tags = client().send(new GetObjectTaggingCommand(at("k")))
    await expect(tags).rejects.toMatchObject(refusal(501, "NotImplemented"))
    await put("k")
    await put("k", { IfNoneMatch: "*" })
  })
})

describe("seaweedfs", () => {
  const { begin } = serving("seaweedfs")
  it("has CRC32 as COMPOSITE only", async () => {
    const whole = begin("whole", { ChecksumAlgorithm: "CRC32", ChecksumType: "FULL_OBJECT" })
    await expect(whole).rejects.toMatchObject(refusal(400, "InvalidRequest"))
  })
})

/** A handler without sockets and an upload of parts whose bytes nobody has: sizes are all that is asked of them. */
async function sizedHandler(profile: Provider) {
  const model = await S3Model.open(memoryStore())
  await model.createBucket("media", 0)
  const anonymous = { allow: [{ operations: ["*"], resources: ["*"] }] }
  const handler = makeS3Handler({
    ...{ model, anonymous, profile: profiles[profile], journal: new RequestJournal(), clock: () => 0 },
    ...{ region: "us-east-1", credentials: { accessKeyId: "a", secretAccessKey: "s" } },
    ...{ serverSideEncryption: true, idempotentComplete: false }
  })
  const answer = async (method: string, target: string, headers: Record<string, string>, body = "") => {
    const bytes = (async function* () {
      yield Buffer.from(body)
    })()
    const response = await handler({ method, target, headers, body: bytes, signal: new AbortController().signal })
    return String(response.body)
  }
  return { model, answer }
}

async function answerTo(profile: Provider, method: string, target: string, headers: Record<string, string>) {
  return (await sizedHandler(profile)).answer(method, target, headers)
}

async function completeOf(profile: Provider, size: number) {
  const { model, answer } = await sizedHandler(profile)
  const created = await answer("POST", "/media/k?uploads", {})
  const uploadId = /<UploadId>(.*?)</.exec(created)?.[1] ?? ""
  const upload = model.upload("media", "k", uploadId)
  const partSize = GiB
  const etag = "0".repeat(32)
  let list = ""
  for (let number = 1, left = size; left > 0; number += 1, left -= partSize) {
    const length = Math.min(partSize, left)
    await model.putPart(upload, {
      kind: "part",
      uploadId,
      partNumber: number,
      size: length,
      etag,
      modified: 0,
      segments: []
    })
    list += `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`
  }
  const body = `<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`
  return answer("POST", `/media/k?uploadId=${uploadId}`, { "content-length": `${body.length}` }, body)
}
