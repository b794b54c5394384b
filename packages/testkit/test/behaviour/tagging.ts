import {
  CopyObjectCommand,
  DeleteObjectTaggingCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type Tag
} from "@aws-sdk/client-s3"
import { describe, expect, it } from "vitest"
import type { Suite } from "../s3-behaviour.ts"
import { begin, lastPart, read, refused } from "./support.ts"

export function tagging({ store }: Suite): void {
  const put = (Key: string, Tagging?: string) =>
    store().s3.send(
      new PutObjectCommand({ Bucket: store().bucket, Key, Body: "x", ...(Tagging !== undefined && { Tagging }) })
    )
  const get = async (Key: string) => {
    const { TagSet = [] } = await store().s3.send(new GetObjectTaggingCommand({ Bucket: store().bucket, Key }))
    return Object.fromEntries(TagSet.map((tag) => [tag.Key, tag.Value]))
  }
  const set = (Key: string, TagSet: Array<Tag>) =>
    store().s3.send(new PutObjectTaggingCommand({ Bucket: store().bucket, Key, Tagging: { TagSet } }))

  describe("tags", () => {
    it("come with a put or a multipart upload, and are counted on GET", async () => {
      const { s3, bucket: Bucket } = store()
      await put("tagged", "team=video&reviewed=a%20b%2Bc")
      expect(await get("tagged")).toEqual({ team: "video", reviewed: "a b+c" })
      expect((await s3.send(new GetObjectCommand({ Bucket, Key: "tagged" }))).TagCount).toBe(2)
      const upload = await begin(store(), "tagged-parts", { Tagging: "team=audio" })
      await upload.complete([await upload.put(1, lastPart)])
      expect(await get("tagged-parts")).toEqual({ team: "audio" })
    })

    it("are replaced as a whole, and deleted, without touching the object", async () => {
      const { s3, bucket: Bucket } = store()
      const { ETag } = await put("retagged", "old=1&older=2")
      await set("retagged", [{ Key: "new", Value: "" }])
      expect(await get("retagged")).toEqual({ new: "" })
      await s3.send(new DeleteObjectTaggingCommand({ Bucket, Key: "retagged" }))
      expect(await get("retagged")).toEqual({})
      const object = await s3.send(new GetObjectCommand({ Bucket, Key: "retagged" }))
      expect(object).toMatchObject({ ETag })
      expect(object.TagCount).toBeUndefined()
    })

    it("are copied with the object, unless the copy brings its own", async () => {
      const { s3, bucket: Bucket } = store()
      await put("tags-source", "from=source")
      const CopySource = `${Bucket}/tags-source`
      await s3.send(new CopyObjectCommand({ Bucket, Key: "tags-kept", CopySource }))
      expect(await get("tags-kept")).toEqual({ from: "source" })
      const own = { TaggingDirective: "REPLACE", Tagging: "from=copy" } as const
      await s3.send(new CopyObjectCommand({ Bucket, Key: "tags-replaced", CopySource, ...own }))
      expect(await get("tags-replaced")).toEqual({ from: "copy" })
      expect(String(await read(s3, { Bucket, Key: "tags-replaced" }))).toBe("x")
    })

    it("are ten at most, of 128 and 256 characters", async () => {
      const tags = (count: number) => Array.from({ length: count }, (_, n) => ({ Key: `k${n}`, Value: "v" }))
      await put("limits")
      await set("limits", [...tags(9), { Key: "k".repeat(128), Value: "v".repeat(256) }])
      await refused(set("limits", tags(11)), 400, "BadRequest")
      await refused(set("limits", [{ Key: "k".repeat(129), Value: "v" }]), 400, "InvalidTag")
      await refused(set("limits", [{ Key: "k", Value: "v".repeat(257) }]), 400, "InvalidTag")
      await refused(set("limits", [{ Key: "", Value: "v" }]), 400, "InvalidTag")
      const twice = set("limits", [
        { Key: "k", Value: "1" },
        { Key: "k", Value: "2" }
      ])
      await refused(twice, 400, "InvalidTag")
      expect(Object.keys(await get("limits"))).toHaveLength(10)
      const eleven = tags(11).map(({ Key }) => `${Key}=v`)
      await refused(put("limits", eleven.join("&")), 400, "BadRequest")
    })

    it("of what is not there are NoSuchKey", async () => {
      await refused(get("no-such-tagged"), 404, "NoSuchKey")
      await refused(set("no-such-tagged", [{ Key: "k", Value: "v" }]), 404, "NoSuchKey")
    })
  })
}
