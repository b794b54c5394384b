import { createHash } from "node:crypto"
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  HeadObjectCommand,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  S3Client,
  UploadPartCommand
} from "@aws-sdk/client-s3"
import { describe, expect, it, onTestFinished } from "vitest"
import { type Credentials, type S3ServerOptions, startS3 } from "../../index.ts"

const DAY = 86_400_000
const Bucket = "locked"
const denied = { name: "AccessDenied", $metadata: { httpStatusCode: 403 } }

/** A server whose clock the case turns, and a bucket with object lock. */
async function locked(options: S3ServerOptions = {}) {
  let now = Date.now()
  const clients: Array<S3Client> = []
  /** Clients sign by the server's clock. */
  const turn = (to: number) => {
    now = to
    for (const { config } of clients) config.systemClockOffset = now - Date.now()
  }
  const wait = (millis: number) => turn(now + millis)
  const server = await startS3({ ...options, buckets: [], clock: () => now })
  onTestFinished(() => server.close())
  const { endpoint, region } = server
  const as = (credentials: Credentials) => {
    const client = new S3Client({
      ...{ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 },
      // No checksum but the one that a case gives.
      requestChecksumCalculation: "WHEN_REQUIRED"
    })
    onTestFinished(() => client.destroy())
    clients.push(client)
    return client
  }
  const s3 = as(server.credentials)
  await s3.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }))
  const put = async (Key: string, more: Partial<PutObjectCommandInput> = {}, client = s3) => {
    const input = { Bucket, Key, Body: "x", ChecksumAlgorithm: "CRC32", ...more } as const
    const { VersionId } = await client.send(new PutObjectCommand(input))
    return { Bucket, Key, VersionId }
  }
  const governed = (days = 1) =>
    ({ ObjectLockMode: "GOVERNANCE", ObjectLockRetainUntilDate: new Date(now + days * DAY) }) as const
  return { server, turn, wait, s3, as, put, governed }
}

describe("an object lock", () => {
  it("ends when its date comes, by the server's clock", async () => {
    const { s3, put, governed, wait } = await locked()
    const version = await put("k", governed())
    wait(DAY - 5000)
    await expect(s3.send(new DeleteObjectCommand(version))).rejects.toMatchObject(denied)
    wait(6000)
    await s3.send(new DeleteObjectCommand(version))
  })

  it("by default counts years as the calendar does", async () => {
    const { s3, put, turn } = await locked()
    turn(Date.UTC(2028, 1, 29))
    const DefaultRetention = { Mode: "COMPLIANCE", Years: 4 } as const
    const ObjectLockConfiguration = { ObjectLockEnabled: "Enabled", Rule: { DefaultRetention } } as const
    await s3.send(
      new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration, ChecksumAlgorithm: "CRC32" })
    )
    const { ObjectLockRetainUntilDate } = await s3.send(new HeadObjectCommand(await put("k")))
    expect(ObjectLockRetainUntilDate).toEqual(new Date(Date.UTC(2032, 1, 29)))
  })

  it("takes only bytes whose digest came along", async () => {
    const { s3, put, governed } = await locked()
    const bare = { Bucket, Key: "k", Body: "x" }
    const refusal = { name: "InvalidRequest", message: expect.stringContaining("Content-MD5 OR x-amz-checksum-") }
    await expect(s3.send(new PutObjectCommand({ ...bare, ...governed() }))).rejects.toMatchObject(refusal)
    const ContentMD5 = createHash("md5").update("x").digest("base64")
    await s3.send(new PutObjectCommand({ ...bare, ...governed(), ContentMD5 }))
    const create = new CreateMultipartUploadCommand({ Bucket, Key: "k", ...governed() })
    const { UploadId } = await s3.send(create)
    const part = new UploadPartCommand({ ...bare, UploadId, PartNumber: 1 })
    await expect(s3.send(part)).rejects.toMatchObject(refusal)
    await s3.send(new PutObjectCommand(bare))
    await put("k")
  })

  it("stands in the way of lifecycle until it ends", async () => {
    const { server, s3, put, governed, wait } = await locked()
    const rule = { ID: "old", Status: "Enabled", Filter: { Prefix: "" } } as const
    const Rules = [{ ...rule, NoncurrentVersionExpiration: { NoncurrentDays: 1 } }]
    await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }))
    const { VersionId } = await put("k", governed(10))
    await put("k")
    wait(3 * DAY)
    expect(await server.applyLifecycle()).toEqual([])
    wait(8 * DAY)
    expect(await server.applyLifecycle()).toMatchObject([{ action: "removeVersion", versionId: VersionId }])
  })

  it("is set and lifted by those only who have that right", async () => {
    const credentials = (name: string) => ({ accessKeyId: name, secretAccessKey: `${name}-secret` })
    const operations = ["PutObject", "DeleteObject", "PutObjectRetention"]
    const [writer, keeper] = [credentials("writer"), credentials("keeper")]
    const { as, put, governed } = await locked({
      principals: [
        { credentials: writer, allow: [{ operations, resources: ["*"] }] },
        { credentials: keeper, allow: [{ operations: [...operations, "BypassGovernanceRetention"], resources: ["*"] }] }
      ]
    })
    const version = await put("k", governed(), as(writer))
    await expect(put("k", { ObjectLockLegalHoldStatus: "ON" }, as(writer))).rejects.toMatchObject(denied)
    const BypassGovernanceRetention = true
    const remove = new DeleteObjectCommand({ ...version, BypassGovernanceRetention })
    await expect(as(writer).send(remove)).rejects.toMatchObject(denied)
    const Objects = [{ Key: "k", VersionId: version.VersionId }]
    const many = new DeleteObjectsCommand({ Bucket, Delete: { Objects }, BypassGovernanceRetention })
    await expect(as(writer).send(many)).rejects.toMatchObject(denied)
    const Retention = { Mode: "GOVERNANCE", RetainUntilDate: new Date(Date.now() + 1000) } as const
    const shorten = new PutObjectRetentionCommand({ ...version, Retention, BypassGovernanceRetention })
    await expect(as(writer).send(shorten)).rejects.toMatchObject(denied)
    expect((await as(keeper).send(many)).Errors).toBeUndefined()
  })

  it("of a kind that is not known here is refused, not forgotten", async () => {
    const { s3 } = await locked()
    const Key = "k"
    const held = new PutObjectCommand({ Bucket, Key, Body: "x", ObjectLockEventHold: "ON" })
    await expect(s3.send(held)).rejects.toMatchObject({ name: "NotImplemented" })
  })
})
