import { PutBucketCorsCommand, PutBucketLifecycleConfigurationCommand, S3Client } from "@aws-sdk/client-s3"
import { crc32 } from "@sluice/core/Checksum"
import { corsRules } from "@sluice/core/Cors"
import { lifecycleRules } from "@sluice/core/Lifecycle"
import { ObjectStore, type ObjectStoreApi } from "@sluice/core/ObjectStore"
import * as S3Bucket from "@sluice/core/s3/S3Bucket"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import { minIOSuite, startMinIO, startS3 } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import { describe, expect, it, onTestFinished } from "vitest"
import { examine } from "./examine.ts"
import type { Check, Finding } from "./Finding.ts"

type Options = NonNullable<Parameters<typeof startS3>[0]>
type Store = Parameters<typeof S3ObjectStore.layer>[0]

const hour = 3_600_000
const writer = { accessKeyId: "writer", secretAccessKey: "writers-secret" }

const examined = async (
  store: Store,
  {
    lie,
    origin,
    readOnly = false
  }: {
    readonly origin?: string
    readonly readOnly?: boolean
    readonly lie?: (store: ObjectStoreApi) => Partial<ObjectStoreApi>
  } = {}
) => {
  const findings: Array<Finding> = []
  const report = (finding: Finding): void => void findings.push(finding)
  const examination = Effect.flatMap(ObjectStore, (real) =>
    Effect.provideService(examine({ origin, readOnly, report }), ObjectStore, { ...real, ...lie?.(real) })
  )
  await examination.pipe(Effect.provide([S3ObjectStore.layer(store), S3Bucket.layer(store)]), Effect.runPromise)
  const of = (check: Check) => findings.find((finding) => finding.check === check)
  return { findings, of, wrong: findings.filter(({ status }) => status === "wrong").map(({ check }) => check) }
}

/** A bucket that is as it should be, but for what a test changes. */
const setup = async (
  options: Options = {},
  { cors = true, lifecycle = true }: { readonly cors?: boolean; readonly lifecycle?: boolean } = {}
) => {
  const server = await startS3({ buckets: ["media"], ...options })
  onTestFinished(() => server.close())
  const { credentials, endpoint, region } = server
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  onTestFinished(() => client.destroy())
  const Bucket = "media"
  if (cors) {
    const CORSRules = [...corsRules({ origins: ["https://app.example.com"] })]
    await client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }))
  }
  if (lifecycle) {
    const LifecycleConfiguration = { Rules: [...lifecycleRules()] }
    await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }))
  }
  const before = server.requests.length
  const asked = () => server.requests.slice(before)
  const store: Store = { bucket: "media", endpoint, region, credentials }
  return { asked, client, server, store }
}

/** One who may do everything but these. */
const denied = (...operations: ReadonlyArray<string>): Options => ({
  principals: [
    {
      credentials: writer,
      allow: [{ operations: ["*"], resources: ["*"] }],
      deny: [{ operations, resources: ["*"] }]
    }
  ]
})

describe("a doctor", () => {
  it("finds nothing wrong with a bucket that is well, and leaves nothing in it", async () => {
    const { server, store } = await setup()
    const { findings, wrong } = await examined(store)
    expect(wrong).toEqual([])
    expect(findings.map(({ check }) => check)).toEqual([
      "reach",
      "clock",
      "list-uploads",
      "put",
      "list",
      "head",
      "get",
      "checksum",
      "encryption",
      "multipart",
      "abort",
      "delete",
      "cors",
      "lifecycle",
      "versioning"
    ])
    await server.assertQuiescent()
    expect(server.openUploads()).toEqual([])
    const keys = new Set(server.requests.map(({ key }) => key))
    for (const key of keys) expect(await server.object("media", key)).toBeUndefined()
  })

  it("finds that it may not write, and names the right that is missing", async () => {
    const { store } = await setup(denied("PutObject"))
    const { of, wrong } = await examined({ ...store, credentials: writer })
    expect(wrong).toEqual(["put"])
    expect(of("put")?.fix.join()).toContain('"Action":"s3:PutObject","Resource":"arn:aws:s3:::media/*"')
  })

  it("finds that it may not list", async () => {
    const { store } = await setup(denied("List*"))
    const { of, wrong } = await examined({ ...store, credentials: writer })
    expect(wrong).toEqual(expect.arrayContaining(["list", "list-uploads"]))
    expect(of("list")?.fix.join()).toContain("s3:ListBucket")
  })

  it("finds that it may not abort or delete, and what it could not remove stays named", async () => {
    const { store } = await setup(denied("AbortMultipartUpload", "DeleteObject"))
    const { of, wrong } = await examined({ ...store, credentials: writer })
    expect(wrong).toEqual(["abort", "delete"])
    expect(of("delete")?.message).toMatch(/below s3:\/\/media\/\.sluice-doctor\/[\w-]+\/ could not be removed/)
    expect(of("delete")?.fix.join()).toMatch(/AbortMultipartUpload.*DeleteObject.*aws s3 rm/)
  })

  it("removes what it may where it may not abort", async () => {
    const { server, store } = await setup(denied("AbortMultipartUpload"))
    await examined({ ...store, credentials: writer })
    const written = new Set(server.requests.filter(({ op }) => op === "PutObject").map(({ key }) => key))
    expect(written.size).toBeGreaterThan(0)
    for (const key of written) expect(await server.object("media", key)).toBeUndefined()
  })

  it("finds that pages may not upload: no rule, another origin, or an ETag that they cannot read", async () => {
    const { client, store } = await setup({}, { cors: false })
    const none = await examined(store, { readOnly: true })
    expect(none.wrong).toEqual(["cors"])
    expect(none.of("cors")?.fix).toEqual(["sluice bucket cors s3://media --origin https://app.example.com --yes"])

    const rule = { AllowedOrigins: ["https://app.example.com"], AllowedMethods: ["PUT"], AllowedHeaders: ["*"] }
    const CORSConfiguration = { CORSRules: [rule] }
    await client.send(new PutBucketCorsCommand({ Bucket: "media", CORSConfiguration }))
    const hidden = await examined(store, { readOnly: true })
    expect(hidden.of("cors")).toMatchObject({
      status: "wrong",
      message: expect.stringContaining("cannot read the ETag")
    })
    const foreign = await examined(store, { readOnly: true, origin: "https://other.example.com" })
    expect(foreign.of("cors")).toMatchObject({ status: "wrong", message: expect.stringContaining("may not upload") })
  })

  it("finds that encryption is dropped in silence", async () => {
    const { store } = await setup({ serverSideEncryption: false })
    expect((await examined(store)).wrong).toEqual(["encryption"])
  })

  it.each([
    ["ahead of", -hour],
    ["behind", hour]
  ])("finds that this machine's clock is an hour %s the store's", async (words, ms) => {
    const { store } = await setup({ clock: () => Date.now() + ms }, { cors: true, lifecycle: true })
    const { of, wrong } = await examined(store)
    expect(wrong).toEqual(["clock"])
    expect(of("clock")?.message).toMatch(new RegExp(`clock is (59 min 59 s|1 h) ${words} the store's`))
  })

  it("finds that checksums are ignored", async () => {
    const { store } = await setup({ profile: "gcs" })
    const { of, wrong } = await examined(store)
    expect(wrong).toContain("checksum")
    expect(of("checksum")?.message).toMatch(/^an object was taken .* does not look at checksums/)
  })

  it.each<[check: Check, what: string, lie: (store: ObjectStoreApi) => Partial<ObjectStoreApi>, words: string]>([
    [
      "head",
      "another size than was written",
      ({ headObject }) => ({ headObject: (at) => Effect.map(headObject(at), (head) => ({ ...head, size: 1 })) }),
      "1 bytes of the"
    ],
    [
      "head",
      "another CRC32 than was written",
      ({ headObject }) => ({ headObject: (at) => Effect.map(headObject(at), (head) => ({ ...head, crc32: 1 })) }),
      "another CRC32"
    ],
    [
      "get",
      "other bytes than were written",
      ({ getObject }) => ({
        getObject: (at) => Effect.map(getObject(at), (object) => ({ ...object, body: new Blob(["x"]).stream() }))
      }),
      "other bytes"
    ],
    [
      "checksum",
      "that it looks at objects' checksums, and not at parts'",
      ({ uploadPart }) => ({
        uploadPart: (part) => uploadPart({ ...part, crc32: crc32(Buffer.concat(part.body.slices)) })
      }),
      "a part was taken"
    ],
    [
      "multipart",
      "that a part is missing in the list",
      ({ listParts }) => ({ listParts: (at) => Effect.map(listParts(at), (page) => ({ ...page, parts: [] })) }),
      "ListParts told of 0 parts"
    ],
    [
      "multipart",
      "an ETag that is not of the parts",
      ({ completeMultipartUpload }) => ({
        completeMultipartUpload: (at) =>
          Effect.map(completeMultipartUpload(at), (written) => ({ ...written, etag: "0".repeat(32) }))
      }),
      "not the MD5 of the parts"
    ],
    ["abort", "that an abort does nothing", () => ({ abortMultipartUpload: () => Effect.void }), "still listed"],
    [
      "delete",
      "that a removal does nothing",
      () => ({ deleteObject: () => Effect.void }),
      "stands after it was deleted"
    ]
  ])("sees through a store by its %s: %s", async (check, _, lie, words) => {
    const { store } = await setup()
    const { of } = await examined(store, { lie })
    expect(of(check)).toMatchObject({ status: "wrong", message: expect.stringContaining(words) })
    expect(of(check)?.fix.length).toBeGreaterThan(0)
  })

  it("finds that nothing ends incomplete uploads, and its advice mends that", async () => {
    const { store } = await setup({}, { lifecycle: false })
    const { of, wrong } = await examined(store, { readOnly: true })
    expect(wrong).toEqual(["lifecycle"])
    expect(of("lifecycle")?.fix).toEqual(["sluice bucket lifecycle s3://media --yes"])
  })

  it("writes nothing when it may only read, by the store's own word", async () => {
    const { asked, store } = await setup()
    expect((await examined(store, { readOnly: true })).wrong).toEqual([])
    expect(asked().length).toBeGreaterThan(3)
    expect(asked().filter(({ op }) => !/^(Get|Head|List)/.test(op))).toEqual([])
  })

  it("removes what it wrote for good where versions are kept", async () => {
    const { client, server, store } = await setup()
    const { ListObjectVersionsCommand, PutBucketVersioningCommand } = await import("@aws-sdk/client-s3")
    const Bucket = "media"
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }))
    const { of, wrong } = await examined(store)
    expect(wrong).toEqual([])
    expect(of("versioning")?.message).toContain("on:")
    const { DeleteMarkers = [], Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }))
    expect([...DeleteMarkers, ...Versions]).toEqual([])
    expect(server.openUploads()).toEqual([])
  })

  it.each<[string, Partial<Store>, string]>([
    ["a bucket that is not there", { bucket: "nowhere" }, "NoSuchBucket"],
    ["another secret", { credentials: { accessKeyId: "sluice", secretAccessKey: "other" } }, "SignatureDoesNotMatch"],
    ["an endpoint where nobody listens", { endpoint: "http://127.0.0.1:1" }, "check the endpoint"]
  ])(
    "says once what stands in the way of everything, without advice that does not help: %s",
    async (_, other, words) => {
      const { store } = await setup()
      const { findings, of } = await examined({ ...store, ...other })
      expect(of("reach")).toMatchObject({ status: "wrong", message: expect.stringContaining(words), fix: [] })
      expect(findings.map(({ check }) => check).filter((check) => check !== "clock")).toEqual(["reach"])
    }
  )

  it("keeps the origins that may upload already in its advice, for the rule is replaced as a whole", async () => {
    const { store } = await setup()
    const { of } = await examined(store, { readOnly: true, origin: "https://other.example.com" })
    expect(of("cors")?.fix).toEqual([
      "sluice bucket cors s3://media --origin https://app.example.com --origin https://other.example.com --yes"
    ])
  })
})

const minio = minIOSuite("a doctor at MinIO")
describe.skipIf(minio.skip)(minio.title, () => {
  it("finds it well, and says what MinIO does of its own", async () => {
    await using running = await startMinIO()
    const bucket = `sluice-doctor-${process.pid}`
    await running.createBucket(bucket)
    const { credentials, endpoint, region } = running
    const { of, wrong } = await examined({ bucket, endpoint, region, credentials, provider: "minio" })
    expect(wrong).toEqual([])
    expect(of("lifecycle")).toMatchObject({ status: "note", message: expect.stringContaining("ends them itself") })
  })
})
