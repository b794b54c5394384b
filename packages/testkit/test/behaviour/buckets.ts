import { randomUUID } from "node:crypto"
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand
} from "@aws-sdk/client-s3"
import { describe, expect, it } from "vitest"
import type { Suite } from "../s3-behaviour.ts"
import { refused } from "./support.ts"

export function buckets({ store, facts }: Suite): void {
  describe("buckets", () => {
    it("a bucket is there from its creation to its deletion", async () => {
      const { s3 } = store()
      const Bucket = `bucket-${randomUUID()}`
      await refused(s3.send(new HeadBucketCommand({ Bucket })), 404, "NotFound")
      await s3.send(new CreateBucketCommand({ Bucket }))
      await s3.send(new HeadBucketCommand({ Bucket }))
      const { Buckets = [] } = await s3.send(new ListBucketsCommand())
      expect(Buckets.map(({ Name }) => Name)).toContain(Bucket)
      await s3.send(new DeleteBucketCommand({ Bucket }))
      await refused(s3.send(new HeadBucketCommand({ Bucket })), 404, "NotFound")
      await refused(s3.send(new DeleteBucketCommand({ Bucket })), 404, "NoSuchBucket")
    })

    it("a bucket that holds an object is not deleted", async () => {
      const { s3 } = store()
      const Bucket = `bucket-${randomUUID()}`
      await s3.send(new CreateBucketCommand({ Bucket }))
      await s3.send(new PutObjectCommand({ Bucket, Key: "k", Body: "x" }))
      await refused(s3.send(new DeleteBucketCommand({ Bucket })), 409, "BucketNotEmpty")
      await s3.send(new DeleteObjectCommand({ Bucket, Key: "k" }))
      await s3.send(new DeleteBucketCommand({ Bucket }))
    })

    it("a name that S3 does not allow is refused", async () => {
      await refused(store().s3.send(new CreateBucketCommand({ Bucket: "Not_Allowed" })), 400, "InvalidBucketName")
    })

    it(`another owner than the bucket's, where one is expected, is ${facts.expectedOwner}`, async () => {
      const { s3, bucket: Bucket } = store()
      const put = s3.send(
        new PutObjectCommand({ Bucket, Key: "owned", Body: "x", ExpectedBucketOwner: "999999999999" })
      )
      if (facts.expectedOwner === "compared") await refused(put, 403, "AccessDenied")
      else await put
    })

    it("objects are listed by prefix, in order, page by page", async () => {
      const { s3, bucket: Bucket } = store()
      const keys = ["list/a", "list/b", "list/c/1", "list/c/2", "list/d"]
      for (const Key of ["elsewhere", ...keys.toReversed()])
        await s3.send(new PutObjectCommand({ Bucket, Key, Body: "x" }))

      const seen: Array<string | undefined> = []
      let ContinuationToken: string | undefined
      do {
        const page = await s3.send(
          new ListObjectsV2Command({
            Bucket,
            Prefix: "list/",
            MaxKeys: 2,
            ...(ContinuationToken && { ContinuationToken })
          })
        )
        expect(page.Contents?.length).toBeLessThanOrEqual(2)
        seen.push(...(page.Contents ?? []).map(({ Key }) => Key))
        ContinuationToken = page.NextContinuationToken
      } while (ContinuationToken !== undefined)
      expect(seen).toEqual(keys)

      const folders = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "list/", Delimiter: "/" }))
      expect(folders.Contents?.map(({ Key }) => Key)).toEqual(["list/a", "list/b", "list/d"])
      expect(folders.CommonPrefixes).toEqual([{ Prefix: "list/c/" }])
    })
  })
}
