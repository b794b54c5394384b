import { randomUUID } from "node:crypto"
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandInput,
  PutBucketVersioningCommand,
  PutObjectCommand
} from "@aws-sdk/client-s3"
import { describe, expect, it } from "vitest"
import type { Suite } from "../s3-behaviour.ts"
import { begin, lastPart, read, refused } from "./support.ts"

export function versions({ store, facts }: Suite): void {
  /** A bucket of its own with versioning, and the verbs of these cases. */
  async function versioned() {
    const { s3 } = store()
    const Bucket = `versions-${randomUUID()}`
    await s3.send(new CreateBucketCommand({ Bucket }))
    const set = (Status: "Enabled" | "Suspended") =>
      s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }))
    const put = async (Key: string, Body: string) =>
      (await s3.send(new PutObjectCommand({ Bucket, Key, Body }))).VersionId
    const remove = (Key: string, VersionId?: string) =>
      s3.send(new DeleteObjectCommand({ Bucket, Key, ...(VersionId !== undefined && { VersionId }) }))
    const get = async (Key: string, VersionId?: string) =>
      String(await read(s3, { Bucket, Key, ...(VersionId !== undefined && { VersionId }) }))
    const list = async (input: Omit<ListObjectVersionsCommandInput, "Bucket"> = {}) => {
      const page = await s3.send(new ListObjectVersionsCommand({ Bucket, ...input }))
      const ids = (page.Versions ?? []).map(({ Key, VersionId, IsLatest }) => [Key, VersionId, IsLatest] as const)
      const markers = (page.DeleteMarkers ?? []).map(({ Key, VersionId, IsLatest }) => [Key, VersionId, IsLatest])
      return { page, ids, markers }
    }
    return { s3, Bucket, set, put, remove, get, list }
  }

  describe("versions", () => {
    it("a bucket has none until they are enabled, and can suspend them then", async () => {
      const { s3, Bucket, set, put } = await versioned()
      const status = async () => (await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status
      expect(await status()).toBeUndefined()
      expect(await put("k", "x")).toBeUndefined()
      await set("Enabled")
      expect(await status()).toBe("Enabled")
      await set("Suspended")
      expect(await status()).toBe("Suspended")
    })

    it("each put is a version of its own, and all can be read", async () => {
      const { s3, Bucket, set, put, get, list } = await versioned()
      await put("k", "before")
      await set("Enabled")
      const [first, second] = [await put("k", "first"), await put("k", "second")]
      expect(first).not.toBe(second)
      expect([await get("k"), await get("k", second), await get("k", first), await get("k", "null")]).toEqual(
        ["second", "second", "first", "before"] // The null version was there before versioning.
      )
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "k" }))
      expect(head.VersionId).toBe(second)
      expect((await list()).ids).toEqual([
        ["k", second, true],
        ["k", first, false],
        ["k", "null", false]
      ])
      const copy = { Bucket, Key: "k", CopySource: `${Bucket}/k?versionId=${first}` }
      const copied = await s3.send(new CopyObjectCommand({ ...copy, MetadataDirective: "REPLACE" }))
      expect(copied.CopySourceVersionId).toBe(first)
      expect([await get("k"), await get("k", copied.VersionId)]).toEqual(["first", "first"])
    })

    it("a multipart upload becomes a version at Complete", async () => {
      const { s3, Bucket, set, put, list } = await versioned()
      await set("Enabled")
      const upload = await begin({ ...store(), bucket: Bucket }, "k")
      const part = await upload.put(1, lastPart)
      const earlier = await put("k", "meanwhile")
      const { VersionId } = await upload.complete([part])
      expect((await list()).ids.map(([, id]) => id)).toEqual([VersionId, earlier])
      expect(await read(s3, { Bucket, Key: "k" })).toEqual(lastPart)
    })

    it("a delete hides the key behind a marker, which itself can be deleted", async () => {
      const { s3, Bucket, set, put, remove, get, list } = await versioned()
      await set("Enabled")
      const version = await put("k", "kept")
      const marker = await remove("k")
      expect(marker).toMatchObject({ DeleteMarker: true, VersionId: expect.any(String) })
      const gone = await s3.send(new GetObjectCommand({ Bucket, Key: "k" })).catch((error: unknown) => error)
      expect(gone).toMatchObject({ name: "NoSuchKey", $response: { headers: { "x-amz-delete-marker": "true" } } })
      const itself = { Bucket, Key: "k", VersionId: marker.VersionId }
      await refused(s3.send(new GetObjectCommand(itself)), 405, "MethodNotAllowed")
      await expect(s3.send(new HeadObjectCommand(itself))).rejects.toMatchObject({ $metadata: { httpStatusCode: 405 } })
      expect((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).toEqual([])
      expect(await list()).toMatchObject({ ids: [["k", version, false]], markers: [["k", marker.VersionId, true]] })
      expect(await get("k", version)).toBe("kept")

      expect(await remove("k", marker.VersionId)).toMatchObject({ DeleteMarker: true, VersionId: marker.VersionId })
      expect(await get("k")).toBe("kept")
      await remove("k", version)
      await refused(s3.send(new GetObjectCommand({ Bucket, Key: "k" })), 404, "NoSuchKey")
      expect(await list()).toMatchObject({ ids: [], markers: [] })
    })

    it("deleting a version that is not the newest leaves the newest", async () => {
      const { set, put, remove, get } = await versioned()
      await set("Enabled")
      const [first, second] = [await put("k", "first"), await put("k", "second")]
      await remove("k", first)
      expect(await get("k")).toBe("second")
      await remove("k", second)
      await refused(get("k"), 404, "NoSuchKey")
    })

    it("while suspended, there is one null version, which puts and deletes replace; others stay", async () => {
      const { set, put, remove, get, list } = await versioned()
      await set("Enabled")
      const kept = await put("k", "kept")
      await set("Suspended")
      await put("k", "replaced")
      expect(await put("k", "newest")).toBeUndefined()
      expect([await get("k"), await get("k", "null")]).toEqual(["newest", "newest"])
      expect((await list()).ids).toEqual([
        ["k", "null", true],
        ["k", kept, false]
      ])
      expect((await remove("k")).VersionId).toBe(facts.nullVersion === "told" ? "null" : undefined)
      expect(await list()).toMatchObject({ ids: [["k", kept, false]], markers: [["k", "null", true]] })
      expect(await get("k", kept)).toBe("kept")
    })

    it("a version that is not there is NoSuchVersion, and deleting it succeeds", async () => {
      const { s3, Bucket, set, put, remove, get } = await versioned()
      await set("Enabled")
      const VersionId = await put("k", "x")
      await remove("k", VersionId)
      await put("k", "y")
      await refused(s3.send(new GetObjectCommand({ Bucket, Key: "k", VersionId })), 404, "NoSuchVersion")
      await remove("k", VersionId)
      expect(await get("k")).toBe("y")
      const nonsense = s3.send(new GetObjectCommand({ Bucket, Key: "k", VersionId: "no version" }))
      await refused(nonsense, 400, "InvalidArgument")
    })

    it("versions are listed page by page, in the middle of a key too, and by prefix and delimiter", async () => {
      const { set, put, remove, list } = await versioned()
      await set("Enabled")
      const expected: Array<string | undefined> = []
      for (const key of ["a/1", "a/2", "b"]) {
        const ids = [await put(key, "1"), await put(key, "2"), await put(key, "3"), (await remove(key)).VersionId]
        expected.push(...ids.toReversed())
      }
      const seen: Array<string | undefined> = []
      let marker: Pick<ListObjectVersionsCommandInput, "KeyMarker" | "VersionIdMarker"> | undefined = {}
      while (marker !== undefined) {
        const { page, ids, markers } = await list({ MaxKeys: 2, ...marker })
        expect(ids.length + markers.length).toBeLessThanOrEqual(2)
        // Of one key the marker, the newest here, comes first.
        for (const key of ["a/1", "a/2", "b"]) {
          seen.push(...[...markers, ...ids].filter(([name]) => name === key).map(([, id]) => id as string))
        }
        const { NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page
        marker = page.IsTruncated ? { KeyMarker, VersionIdMarker } : undefined
      }
      expect(seen).toEqual(expected)
      const folders = await list({ Delimiter: "/" })
      expect(folders.page.CommonPrefixes).toEqual([{ Prefix: "a/" }])
      expect([...folders.ids, ...folders.markers].every(([key]) => key === "b")).toBe(true)
      expect((await list({ Prefix: "a/2" })).ids.map(([key]) => key)).toEqual(["a/2", "a/2", "a/2"])
    })

    it("DeleteObjects makes markers of keys, and removes the versions it names", async () => {
      const { s3, Bucket, set, put, list } = await versioned()
      await set("Enabled")
      const [kept, removed] = [await put("hidden", "x"), await put("gone", "y")]
      const Objects = [{ Key: "hidden" }, { Key: "gone", VersionId: removed }, { Key: "never" }]
      const { Deleted = [], Errors } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
      expect(Errors).toBeUndefined()
      const of = (key: string) => Deleted.find(({ Key }) => Key === key)
      expect(of("hidden")).toMatchObject({ DeleteMarker: true, DeleteMarkerVersionId: expect.any(String) })
      expect(of("gone")).toMatchObject({ VersionId: removed })
      expect(of("gone")?.DeleteMarker ?? false).toBe(false)
      expect((await list()).ids).toEqual([["hidden", kept, false]])
    })

    it(`a bucket that holds but a delete marker is ${facts.bucketOfMarkers}`, async () => {
      const { s3, Bucket, set, remove } = await versioned()
      await set("Enabled")
      const { VersionId } = await remove("never-there")
      if (facts.bucketOfMarkers === "kept") {
        await refused(s3.send(new DeleteBucketCommand({ Bucket })), 409, "BucketNotEmpty")
        await remove("never-there", VersionId)
      }
      await s3.send(new DeleteBucketCommand({ Bucket }))
    })
  })
}
