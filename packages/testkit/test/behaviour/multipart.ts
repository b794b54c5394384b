import { randomUUID } from "node:crypto"
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandInput,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand
} from "@aws-sdk/client-s3"
import { describe, expect, it } from "vitest"
import type { Suite } from "../s3-behaviour.ts"
import { begin, firstPart, lastPart, MiB5, md5Of, multipartETag, read, refused, wholeObject } from "./support.ts"

export function multipart({ store, facts }: Suite): void {
  describe("multipart uploads", () => {
    it("parts in any order become one object, with the attributes of Create and an ETag over the parts", async () => {
      const { s3, bucket: Bucket } = store()
      const attributes = { ContentType: "video/mp4", CacheControl: "no-store", Metadata: { token: "t-1" } }
      const upload = await begin(store(), "two-parts", attributes)
      expect(upload.created).toMatchObject({ Bucket, Key: "two-parts" })
      const last = await upload.put(2, lastPart)
      const first = await upload.put(1, firstPart)
      expect(first.ETag).toBe(`"${md5Of(firstPart)}"`)
      await refused(s3.send(new HeadObjectCommand({ Bucket, Key: "two-parts" })), 404, "NotFound")

      const ETag = multipartETag(firstPart, lastPart)
      expect(await upload.complete([first, last])).toMatchObject({ Bucket, Key: "two-parts", ETag })
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "two-parts" }))
      expect(head).toMatchObject({ ...attributes, ETag, ContentLength: wholeObject.length })
      expect((await read(s3, { Bucket, Key: "two-parts" })).equals(wholeObject)).toBe(true)
      const acrossParts = { Bucket, Key: "two-parts", Range: `bytes=${MiB5 - 2}-${MiB5 + 2}` }
      expect(await read(s3, acrossParts)).toEqual(wholeObject.subarray(MiB5 - 2, MiB5 + 3))
      await refused(upload.list(), 404, "NoSuchUpload")
    })

    it("a single part may be of any size", async () => {
      const { s3, bucket: Bucket } = store()
      const upload = await begin(store(), "one-part")
      const { ETag } = await upload.complete([await upload.put(1, lastPart)])
      expect(ETag).toBe(multipartETag(lastPart))
      expect(await read(s3, { Bucket, Key: "one-part" })).toEqual(lastPart)
    })

    it("part numbers may have gaps, and parts that are not listed are dropped", async () => {
      const { s3, bucket: Bucket } = store()
      const upload = await begin(store(), "gaps")
      const first = await upload.put(7, firstPart)
      await upload.put(8, firstPart)
      const last = await upload.put(10_000, lastPart)
      await upload.complete([first, last])
      expect((await read(s3, { Bucket, Key: "gaps" })).equals(wholeObject)).toBe(true)
    })

    it("the last bytes sent as a part are the part; the receipt of earlier ones is no longer valid", async () => {
      const upload = await begin(store(), "overwritten")
      const earlier = await upload.put(1, firstPart)
      const later = await upload.put(1, lastPart)
      await refused(upload.complete([earlier]), 400, "InvalidPart")
      expect((await upload.complete([later])).ETag).toBe(multipartETag(lastPart))
    })

    it("two uploads of one key do not meet; the object is that of the last Complete", async () => {
      const { s3, bucket: Bucket } = store()
      const [one, two] = [await begin(store(), "rivals"), await begin(store(), "rivals")]
      expect(one.id.UploadId).not.toBe(two.id.UploadId)
      const [partOne, partTwo] = [await one.put(1, Buffer.from("one")), await two.put(1, Buffer.from("two"))]
      await two.complete([partTwo])
      await one.complete([partOne])
      expect(String(await read(s3, { Bucket, Key: "rivals" }))).toBe("one")
    })

    it("a part can be copied from an object", async () => {
      const { s3, bucket: Bucket } = store()
      await s3.send(new PutObjectCommand({ Bucket, Key: "part-source", Body: "0123456789" }))
      const upload = await begin(store(), "part-copy")
      const CopySource = `${Bucket}/part-source`
      const copy = new UploadPartCopyCommand({ ...upload.id, PartNumber: 1, CopySource, CopySourceRange: "bytes=2-5" })
      const { CopyPartResult } = await s3.send(copy)
      const beyond = new UploadPartCopyCommand({
        ...upload.id,
        PartNumber: 2,
        CopySource,
        CopySourceRange: "bytes=5-10"
      })
      await expect(s3.send(beyond)).rejects.toMatchObject({ $metadata: { httpStatusCode: facts.copyBeyondEnd } })
      await upload.complete([{ PartNumber: 1, ETag: CopyPartResult?.ETag }])
      expect(String(await read(s3, { Bucket, Key: "part-copy" }))).toBe("2345")
    })
  })

  describe("listing and aborting", () => {
    it("ListParts goes on after any number", async () => {
      const upload = await begin(store(), "far-parts")
      for (const number of [1500, 3000]) await upload.put(number, lastPart)
      const { Parts = [] } = await upload.list({ PartNumberMarker: "1500" })
      expect(Parts.map(({ PartNumber }) => PartNumber)).toEqual([3000])
    })

    it("ListParts gives every part, in order, page by page", async () => {
      const upload = await begin(store(), "paged")
      const numbers = [1, 2, 5, 9, 10_000]
      for (const number of numbers.toReversed()) await upload.put(number, Buffer.from(`part ${number}`))

      const seen: Array<unknown> = []
      let page = await upload.list({ MaxParts: 2 })
      for (;;) {
        expect(page.Parts?.length).toBeLessThanOrEqual(2)
        seen.push(...(page.Parts ?? []).map(({ PartNumber, Size, ETag }) => ({ PartNumber, Size, ETag })))
        if (!page.IsTruncated || page.NextPartNumberMarker === undefined) break
        page = await upload.list({ MaxParts: 2, PartNumberMarker: page.NextPartNumberMarker })
      }
      const expected = numbers.map((PartNumber) => {
        const bytes = Buffer.from(`part ${PartNumber}`)
        return { PartNumber, Size: bytes.length, ETag: `"${md5Of(bytes)}"` }
      })
      expect(seen).toEqual(expected)
      expect((await upload.list()).IsTruncated).toBe(false)
    })

    it("after an abort the upload is gone for every operation, and no object has appeared", async () => {
      const { s3, bucket: Bucket } = store()
      const upload = await begin(store(), "aborted")
      const part = await upload.put(1, lastPart)
      await s3.send(new AbortMultipartUploadCommand(upload.id))
      await refused(upload.list(), 404, "NoSuchUpload")
      await refused(upload.put(2, lastPart), 404, "NoSuchUpload")
      await refused(upload.complete([part]), 404, "NoSuchUpload")
      await refused(s3.send(new GetObjectCommand({ Bucket, Key: "aborted" })), 404, "NoSuchKey")
    })

    it(`aborting what is gone is answered ${facts.abortOfGoneUpload}`, async () => {
      const { s3 } = store()
      const upload = await begin(store(), "aborted-twice")
      await s3.send(new AbortMultipartUploadCommand(upload.id))
      const again = s3.send(new AbortMultipartUploadCommand(upload.id))
      if (facts.abortOfGoneUpload === 404) return refused(again, 404, "NoSuchUpload")
      expect((await again).$metadata.httpStatusCode).toBe(204)
    })

    it("an uploadId that the store never gave is refused", async () => {
      const { s3, bucket: Bucket } = store()
      const part = new UploadPartCommand({ Bucket, Key: "k", UploadId: "never-given", PartNumber: 1, Body: "x" })
      await refused(s3.send(part), 404, "NoSuchUpload")
    })

    it(`ListMultipartUploads finds open uploads ${facts.openUploads}`, async () => {
      const { s3, bucket: Bucket } = store()
      const upload = await begin(store(), "open/exactly-this")
      const find = async (Prefix: string) => {
        const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix }))
        return Uploads.map(({ Key, UploadId }) => ({ Key, UploadId }))
      }
      const found = [{ Key: "open/exactly-this", UploadId: upload.id.UploadId }]
      expect(await find("open/exactly-this")).toEqual(found)
      expect(await find("open/")).toEqual(facts.openUploads === "by prefix" ? found : [])
    })
  })

  describe("pages of open uploads", () => {
    it("go on after an upload, or after a key, and tell each upload once", async () => {
      const { s3 } = store()
      const Bucket = `uploads-${randomUUID()}`
      await s3.send(new CreateBucketCommand({ Bucket }))
      const all: Array<string | undefined> = []
      for (const key of ["a", "b", "b", "b", "c"])
        all.push((await begin({ ...store(), bucket: Bucket }, key)).id.UploadId)
      const page = async (more: Partial<ListMultipartUploadsCommandInput>) => {
        const { Uploads = [], ...rest } = await s3.send(new ListMultipartUploadsCommand({ Bucket, ...more }))
        return { ...rest, ids: Uploads.map(({ UploadId }) => UploadId) }
      }
      const seen: Array<string | undefined> = []
      for (let marker: Partial<ListMultipartUploadsCommandInput> | undefined = {}; marker !== undefined; ) {
        const { ids, IsTruncated, NextKeyMarker, NextUploadIdMarker } = await page({ ...marker, MaxUploads: 2 })
        seen.push(...ids)
        marker =
          IsTruncated === true && seen.length <= all.length
            ? { KeyMarker: NextKeyMarker ?? "", UploadIdMarker: NextUploadIdMarker ?? "" }
            : undefined
      }
      // Those of one key stand by the time of their Create, which has no more than milliseconds.
      expect([seen[0], seen.toSorted(), seen[4]]).toEqual([all[0], all.toSorted(), all[4]])
      const after = async (KeyMarker: string) => (await page({ KeyMarker })).ids.toSorted()
      const counts = facts.keyMarkerOfUploads === "counts"
      expect(await after("b")).toEqual(all.slice(counts ? 4 : 0).toSorted())
      expect(await after("aa")).toEqual(all.slice(counts ? 1 : 0).toSorted())
    })
  })

  describe("what Complete refuses", () => {
    it("a part that was never sent, or one with another ETag: InvalidPart, and the upload stays open", async () => {
      const upload = await begin(store(), "invalid-part")
      const part = await upload.put(1, firstPart)
      await refused(upload.complete([part, { PartNumber: 2, ETag: part.ETag }]), 400, "InvalidPart")
      await refused(upload.complete([{ PartNumber: 1, ETag: `"${md5Of(lastPart)}"` }]), 400, "InvalidPart")
      expect((await upload.list()).Parts).toHaveLength(1)
    })

    it("parts in descending order: InvalidPartOrder", async () => {
      const upload = await begin(store(), "descending")
      const [first, second] = [await upload.put(1, firstPart), await upload.put(2, firstPart)]
      await refused(upload.complete([second, first]), 400, "InvalidPartOrder")
    })

    it(`one part listed twice: ${facts.partListedTwice}`, async () => {
      const upload = await begin(store(), "listed-twice")
      const part = await upload.put(1, firstPart)
      const complete = upload.complete([part, part])
      if (facts.partListedTwice === "InvalidPartOrder") return refused(complete, 400, "InvalidPartOrder")
      await complete
    })

    it("a part below 5 MiB that is not the last: EntityTooSmall, and the upload stays open", async () => {
      const upload = await begin(store(), "too-small")
      const [first, last] = [await upload.put(1, firstPart.subarray(1)), await upload.put(2, lastPart)]
      await refused(upload.complete([first, last]), 400, "EntityTooSmall")
      expect((await upload.list()).Parts).toHaveLength(2)
    })

    it(`no part at all: ${facts.emptyComplete}`, async () => {
      const upload = await begin(store(), "no-part")
      await refused(upload.complete([]), 400, facts.emptyComplete)
    })

    it(`a size that is not the object's is ${facts.declaredSize}`, async () => {
      const upload = await begin(store(), "declared-size")
      const part = await upload.put(1, lastPart)
      const complete = upload.complete([part], { MpuObjectSize: lastPart.length + 1 })
      if (facts.declaredSize === "ignored") return void (await complete)
      await refused(complete, 400, "InvalidRequest")
      await upload.complete([part], { MpuObjectSize: lastPart.length })
    })

    it(`the same Complete once more is answered with ${facts.repeatedComplete}`, async () => {
      const upload = await begin(store(), "repeated")
      const part = await upload.put(1, lastPart)
      const { ETag } = await upload.complete([part])
      const again = upload.complete([part])
      if (facts.repeatedComplete === "NoSuchUpload") return refused(again, 404, "NoSuchUpload")
      expect((await again).ETag).toBe(ETag)
    })
  })

  describe("part numbers", () => {
    it(`10,001 and 0 are refused, the latter as ${facts.partNumberZero}`, async () => {
      const upload = await begin(store(), "numbers")
      await refused(upload.put(10_001, lastPart), 400, "InvalidArgument")
      await refused(upload.put(0, lastPart), 400, facts.partNumberZero)
    })
  })
}
