import { randomUUID } from "node:crypto"
import {
  CreateBucketCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  PutObjectCommand
} from "@aws-sdk/client-s3"
import { describe, expect, it } from "vitest"
import type { Suite } from "../s3-behaviour.ts"

const keys = ["a", "b/1", "b/2", "b/3/x", "c+d e&f", "z"]

export function listing({ store }: Suite): void {
  let filled: Promise<string> | undefined
  /** One bucket with these keys for all cases. */
  const bucket = () => {
    filled ??= (async () => {
      const Bucket = `listing-${randomUUID()}`
      await store().s3.send(new CreateBucketCommand({ Bucket }))
      for (const Key of keys) await store().s3.send(new PutObjectCommand({ Bucket, Key, Body: "x" }))
      return Bucket
    })()
    return filled
  }
  const list = async (input: Omit<ListObjectsV2CommandInput, "Bucket"> = {}) =>
    store().s3.send(new ListObjectsV2Command({ Bucket: await bucket(), ...input }))
  const names = (page: { Contents?: Array<{ Key?: string | undefined }> | undefined }) =>
    (page.Contents ?? []).map(({ Key }) => Key)

  describe("listing objects", () => {
    it("goes on after a key, there or not", async () => {
      expect(names(await list({ StartAfter: "b/1" }))).toEqual(keys.slice(2))
      expect(names(await list({ StartAfter: "b/2a" }))).toEqual(keys.slice(3))
    })

    it("counts common prefixes as it counts keys, and goes on behind them", async () => {
      const first = await list({ Delimiter: "/", MaxKeys: 2 })
      expect([names(first), first.CommonPrefixes]).toEqual([["a"], [{ Prefix: "b/" }]])
      expect(first).toMatchObject({ KeyCount: 2, IsTruncated: true, MaxKeys: 2 })
      const token = first.NextContinuationToken
      const rest = await list({ Delimiter: "/", ...(token !== undefined && { ContinuationToken: token }) })
      expect([names(rest), rest.CommonPrefixes]).toEqual([["c+d e&f", "z"], undefined])
      expect(rest.IsTruncated).toBe(false)
    })

    it("encodes names on request, so that any character survives XML", async () => {
      const page = await list({ Prefix: "c", EncodingType: "url" })
      expect(page.EncodingType).toBe("url")
      expect(decodeURIComponent((names(page)[0] ?? "").replaceAll("+", " "))).toBe("c+d e&f")
      expect(names(await list({ Prefix: "c" }))).toEqual(["c+d e&f"])
    })

    it("tells owners in version 2 on request only, in version 1 always", async () => {
      expect((await list()).Contents?.every(({ Owner }) => Owner === undefined)).toBe(true)
      expect((await list({ FetchOwner: true })).Contents?.every(({ Owner }) => Owner?.ID !== undefined)).toBe(true)
      const old = await store().s3.send(new ListObjectsCommand({ Bucket: await bucket() }))
      expect(old.Contents?.every(({ Owner }) => Owner?.ID !== undefined)).toBe(true)
    })

    it("in version 1 goes on after the marker, which may be a common prefix", async () => {
      const page = (Marker: string) => async () =>
        store().s3.send(new ListObjectsCommand({ Bucket: await bucket(), Delimiter: "/", MaxKeys: 2, Marker }))
      const first = await page("")()
      expect([names(first), first.CommonPrefixes]).toEqual([["a"], [{ Prefix: "b/" }]])
      const rest = await page(first.NextMarker ?? "")()
      expect(names(rest)).toEqual(["c+d e&f", "z"])
    })

    it("of no keys is empty, not an error", async () => {
      expect(await list({ MaxKeys: 0 })).toMatchObject({ KeyCount: 0, IsTruncated: false })
      expect(names(await list({ Prefix: "no-such" }))).toEqual([])
    })
  })
}
