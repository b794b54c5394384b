import { createHash } from "node:crypto"
import {
  CompleteMultipartUploadCommand,
  GetObjectAttributesCommand,
  type GetObjectAttributesCommandInput,
  type GetObjectAttributesCommandOutput,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand
} from "@aws-sdk/client-s3"
import { describe, expect, it } from "vitest"
import type { Suite } from "../s3-behaviour.ts"
import { begin, crc32Of, firstPart, lastPart, md5Of, read, refused, wholeObject } from "./support.ts"

const digest = (name: string, bytes: Uint8Array) => createHash(name).update(bytes).digest("base64")

export function attributes({ store, facts }: Suite): void {
  /** Three parts under CRC32, and the key they are at. */
  async function threeParts(Key: string) {
    const upload = await begin(store(), Key, { ChecksumAlgorithm: "CRC32", ChecksumType: "FULL_OBJECT" })
    const parts = []
    for (const [index, bytes] of [firstPart, firstPart, lastPart].entries()) {
      parts.push(await upload.put(index + 1, bytes, { ChecksumCRC32: crc32Of(bytes) }))
    }
    await upload.complete(parts)
    return { Bucket: store().bucket, Key }
  }
  type Asked = Omit<GetObjectAttributesCommandInput, "Bucket">
  const send = (input: Asked) => store().s3.send(new GetObjectAttributesCommand({ Bucket: store().bucket, ...input }))
  const ask = async (input: Asked) => {
    if (facts.attributesAtOnce === "several") return send(input)
    const answers = (input.ObjectAttributes ?? []).map((name) => send({ ...input, ObjectAttributes: [name] }))
    const told = (await Promise.all(answers)).map((answer) =>
      Object.entries(answer).filter(([, value]) => value !== undefined)
    )
    const all: Partial<GetObjectAttributesCommandOutput> = Object.fromEntries(told.flat())
    return all
  }

  describe("GetObjectAttributes", () => {
    it("tells what is asked for, and nothing else", async () => {
      const { s3, bucket: Bucket } = store()
      const ChecksumCRC32 = crc32Of(lastPart)
      await s3.send(new PutObjectCommand({ Bucket, Key: "asked", Body: lastPart, ChecksumCRC32 }))
      const ObjectAttributes: Asked["ObjectAttributes"] = [
        "ETag",
        "Checksum",
        "ObjectParts",
        "StorageClass",
        "ObjectSize"
      ]
      const all = await ask({ Key: "asked", ObjectAttributes })
      expect(all).toMatchObject({
        ETag: md5Of(lastPart),
        Checksum: { ChecksumCRC32 },
        StorageClass: "STANDARD",
        ObjectSize: lastPart.length
      })
      expect(all.ObjectParts?.TotalPartsCount ?? 0).toBe(facts.partsOfOnePut)
      const some = await ask({ Key: "asked", ObjectAttributes: ["ObjectSize"] })
      expect(some.ObjectSize).toBe(lastPart.length)
      expect([some.ETag, some.Checksum, some.StorageClass]).toEqual([undefined, undefined, undefined])
      await refused(ask({ Key: "no-such-asked", ObjectAttributes: ["ETag"] }), 404, "NoSuchKey")
    })

    it("tells the parts of a multipart object, page by page, with their checksums", async () => {
      const { Key } = await threeParts("attributes-parts")
      const page = async (PartNumberMarker: string) =>
        (await send({ Key, ObjectAttributes: ["ObjectParts"], MaxParts: 2, PartNumberMarker })).ObjectParts
      const first = await page("0")
      expect(first).toMatchObject({ TotalPartsCount: 3, IsTruncated: true, MaxParts: 2, NextPartNumberMarker: "2" })
      expect(first?.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
        [1, firstPart.length],
        [2, firstPart.length]
      ])
      expect(first?.Parts?.[0]?.ChecksumCRC32).toBe(crc32Of(firstPart))
      const last = await page("2")
      expect(last).toMatchObject({ IsTruncated: false, Parts: [{ PartNumber: 3, Size: lastPart.length }] })
    })
  })

  describe("parts of a finished object", () => {
    it("are read by their number, and counted", async () => {
      const { s3 } = store()
      const object = await threeParts("read-parts")
      const second = await s3.send(new HeadObjectCommand({ ...object, PartNumber: 2 }))
      expect(second).toMatchObject({ PartsCount: 3, ContentLength: firstPart.length })
      const last = { ...object, PartNumber: 3 }
      expect(await read(s3, last)).toEqual(lastPart)
      const { ContentRange, $metadata } = await s3.send(new GetObjectCommand(last))
      const [offset, size] = [2 * firstPart.length, 2 * firstPart.length + lastPart.length]
      expect([ContentRange, $metadata.httpStatusCode]).toEqual([`bytes ${offset}-${size - 1}/${size}`, 206])
      const none = s3.send(new GetObjectCommand({ ...object, PartNumber: 4 }))
      await refused(none, 416, facts.partNotThere)
    })

    it("an object of one put is its own part 1", async () => {
      const { s3, bucket: Bucket } = store()
      await s3.send(new PutObjectCommand({ Bucket, Key: "one-put", Body: lastPart }))
      expect(await read(s3, { Bucket, Key: "one-put", PartNumber: 1 })).toEqual(lastPart)
    })
  })

  describe("checksum algorithms", () => {
    it.each([
      ["SHA1", digest("sha1", lastPart)],
      ["SHA256", digest("sha256", lastPart)],
      ["CRC32C", undefined],
      ["CRC64NVME", undefined]
    ] as const)("%s of a put is kept, told on request, and checked", async (algorithm, known) => {
      const { s3, bucket: Bucket } = store()
      const Key = `algorithm-${algorithm}`
      const field = `Checksum${algorithm}` as const
      const put = await s3.send(new PutObjectCommand({ Bucket, Key, Body: lastPart, ChecksumAlgorithm: algorithm }))
      const value = put[field]
      expect(value).toBe(known ?? value)
      expect(value).toBeDefined()
      const head = (ChecksumMode?: "ENABLED") =>
        s3.send(new HeadObjectCommand({ Bucket, Key, ...(ChecksumMode !== undefined && { ChecksumMode }) }))
      expect((await head("ENABLED"))[field]).toBe(value)
      expect((await head())[field]).toBeUndefined()
      const bytes = Buffer.from(value ?? "", "base64")
      bytes[0] = (bytes[0] ?? 0) ^ 1
      const wrong = { [field]: bytes.toString("base64") }
      await refused(
        s3.send(new PutObjectCommand({ Bucket, Key, Body: lastPart, ...wrong })),
        400,
        facts.checksumMismatch
      )
    })

    it.each(["CRC32C", "CRC64NVME"] as const)("%s of a multipart object follows from its parts", async (algorithm) => {
      const { s3, bucket: Bucket } = store()
      const field = `Checksum${algorithm}` as const
      const declared = { ChecksumAlgorithm: algorithm, ChecksumType: "FULL_OBJECT" } as const
      const whole = new PutObjectCommand({ Bucket, Key: "whole", Body: wholeObject, ChecksumAlgorithm: algorithm })
      const expected = (await s3.send(whole))[field]
      const upload = await begin(store(), `combined-${algorithm}`, declared)
      const Parts = [
        await upload.put(1, firstPart, { ChecksumAlgorithm: algorithm }),
        await upload.put(2, lastPart, { ChecksumAlgorithm: algorithm })
      ]
      const completed = await s3.send(
        new CompleteMultipartUploadCommand({ ...upload.id, MultipartUpload: { Parts }, ChecksumType: "FULL_OBJECT" })
      )
      expect(completed[field]).toBe(expected)
    })
  })
}
