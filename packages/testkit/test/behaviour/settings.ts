import { randomUUID } from "node:crypto"
import {
  CreateBucketCommand,
  DeleteBucketEncryptionCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketTaggingCommand,
  GetBucketAclCommand,
  GetBucketCorsCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketPolicyCommand,
  GetBucketReplicationCommand,
  GetBucketTaggingCommand,
  GetBucketWebsiteCommand,
  GetObjectLockConfigurationCommand,
  HeadObjectCommand,
  type LifecycleRule,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketTaggingCommand,
  PutObjectCommand,
  type ServerSideEncryption
} from "@aws-sdk/client-s3"
import { describe, expect, it } from "vitest"
import type { Suite } from "../s3-behaviour.ts"
import { begin, lastPart, refused } from "./support.ts"

export function settings({ store, facts }: Suite): void {
  /** Settings change what others' cases see: each case takes a bucket of its own. */
  async function fresh() {
    const { s3 } = store()
    const Bucket = `settings-${randomUUID()}`
    await s3.send(new CreateBucketCommand({ Bucket }))
    return { s3, Bucket }
  }

  describe("settings of a bucket", () => {
    it("that were never made are named as such", async () => {
      const { s3, Bucket } = await fresh()
      await refused(s3.send(new GetBucketCorsCommand({ Bucket })), 404, "NoSuchCORSConfiguration")
      await refused(s3.send(new GetBucketTaggingCommand({ Bucket })), 404, "NoSuchTagSet")
      await refused(s3.send(new GetBucketPolicyCommand({ Bucket })), 404, "NoSuchBucketPolicy")
      await refused(s3.send(new GetBucketWebsiteCommand({ Bucket })), 404, "NoSuchWebsiteConfiguration")
      const lifecycle = s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))
      await refused(lifecycle, 404, "NoSuchLifecycleConfiguration")
      const encryption = s3.send(new GetBucketEncryptionCommand({ Bucket }))
      await refused(encryption, 404, "ServerSideEncryptionConfigurationNotFoundError")
      const replication = s3.send(new GetBucketReplicationCommand({ Bucket }))
      await refused(replication, 404, "ReplicationConfigurationNotFoundError")
      const lock = s3.send(new GetObjectLockConfigurationCommand({ Bucket }))
      await refused(lock, 404, "ObjectLockConfigurationNotFoundError")
      expect((await s3.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint).toBeUndefined()
      const { Grants = [] } = await s3.send(new GetBucketAclCommand({ Bucket }))
      expect(Grants.map(({ Permission }) => Permission)).toEqual(["FULL_CONTROL"])
    })

    it("tags are kept, replaced and deleted", async () => {
      const { s3, Bucket } = await fresh()
      const TagSet = [{ Key: "cost-centre", Value: "7" }]
      await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }))
      expect((await s3.send(new GetBucketTaggingCommand({ Bucket }))).TagSet).toEqual(TagSet)
      await s3.send(new DeleteBucketTaggingCommand({ Bucket }))
      await refused(s3.send(new GetBucketTaggingCommand({ Bucket })), 404, "NoSuchTagSet")
    })

    it("lifecycle rules come back as they were given, and are deleted", async () => {
      const { s3, Bucket } = await fresh()
      const Rules: Array<LifecycleRule> = [
        { ID: "logs", Status: "Enabled", Filter: { Prefix: "logs/" }, Expiration: { Days: 30 } },
        {
          ID: "old",
          Status: "Disabled",
          Filter: { And: { Prefix: "a/", Tags: [{ Key: "k", Value: "v" }] } },
          NoncurrentVersionExpiration: { NoncurrentDays: 7 }
        }
      ]
      await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }))
      const got = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))
      expect(got.Rules).toMatchObject(Rules)
      await s3.send(new DeleteBucketLifecycleCommand({ Bucket }))
      const gone = s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))
      await refused(gone, 404, "NoSuchLifecycleConfiguration")
    })

    it.each<[string, LifecycleRule]>([
      ["no action", { ID: "none", Status: "Enabled", Filter: { Prefix: "" } }],
      ["no days", { ID: "zero", Status: "Enabled", Filter: { Prefix: "" }, Expiration: { Days: 0 } }]
    ])("a lifecycle rule with %s is refused", async (_, rule) => {
      const { s3, Bucket } = await fresh()
      const LifecycleConfiguration = { Rules: [rule] }
      const put = s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }))
      await expect(put).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } })
    })

    it(`an upload that a rule will abort tells ${facts.abortDate}`, async () => {
      const { s3, Bucket } = await fresh()
      const AbortIncompleteMultipartUpload = { DaysAfterInitiation: 2 }
      const rule: LifecycleRule = {
        ID: "tidy",
        Status: "Enabled",
        Filter: { Prefix: "" },
        AbortIncompleteMultipartUpload
      }
      const put = new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [rule] } })
      if (facts.abortDate === "nothing, for there is no such rule") {
        return expect(s3.send(put)).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } })
      }
      await s3.send(put)
      const upload = await begin({ ...store(), bucket: Bucket }, "k")
      expect(upload.created.AbortRuleId).toBe("tidy")
      const days = ((upload.created.AbortDate?.getTime() ?? 0) - Date.now()) / 86_400_000
      expect(days).toBeGreaterThan(1.99)
      expect(days).toBeLessThanOrEqual(3)
      expect(upload.created.AbortDate?.getUTCHours()).toBe(0)
    })

    it("default encryption is given to writes that ask for none", async () => {
      const { s3, Bucket } = await fresh()
      const SSEAlgorithm: ServerSideEncryption = "AES256"
      const Rules = [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm } }]
      const ServerSideEncryptionConfiguration = { Rules }
      await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration }))
      const got = await s3.send(new GetBucketEncryptionCommand({ Bucket }))
      expect(got.ServerSideEncryptionConfiguration).toMatchObject({ Rules })
      const sealed = { ServerSideEncryption: SSEAlgorithm }
      expect(await s3.send(new PutObjectCommand({ Bucket, Key: "k", Body: "x" }))).toMatchObject(sealed)
      const upload = await begin({ ...store(), bucket: Bucket }, "parts")
      await upload.complete([await upload.put(1, lastPart)])
      expect(await s3.send(new HeadObjectCommand({ Bucket, Key: "parts" }))).toMatchObject(sealed)
      await s3.send(new DeleteBucketEncryptionCommand({ Bucket }))
      const plain = await s3.send(new PutObjectCommand({ Bucket, Key: "k", Body: "x" }))
      expect(plain.ServerSideEncryption).toBeUndefined()
    })
  })
}
