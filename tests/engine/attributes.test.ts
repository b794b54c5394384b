import { GetObjectTaggingCommand } from "@aws-sdk/client-s3"
import { expect, it } from "vitest"
import { generator, MiB, pattern } from "./bytes.ts"
import { head, onEmbedded, onEveryStore } from "./target.ts"
import { attempt, freshKey, succeeded } from "./trial.ts"

const sizes: ReadonlyArray<readonly [string, number]> = [
  ["one PUT", 10],
  ["parts", 5 * MiB + 10]
]

onEveryStore("what is stored beside the bytes", (target) => {
  it.each(sizes)("is read back by a foreign client, from %s", async (_, size) => {
    const attributes = {
      contentType: "video/mp4; codecs=avc1",
      cacheControl: "public, max-age=60",
      contentDisposition: 'attachment; filename="r.mp4"',
      contentEncoding: "br",
      contentLanguage: "de-CH"
    }
    const metadata = { project: "alpha", "long-name_1": "a value; with, signs=and spaces" }
    const tags = { team: "a b", "cost/centre": "1+2=3", empty: "" }
    const { key } = await attempt(target(), { body: pattern(size), ...attributes, metadata, tags })
    const stored = await head(target(), key)
    expect(stored).toMatchObject({
      ContentType: attributes.contentType,
      CacheControl: attributes.cacheControl,
      ContentDisposition: attributes.contentDisposition,
      ContentEncoding: attributes.contentEncoding,
      ContentLanguage: attributes.contentLanguage,
      ContentLength: size,
      Metadata: metadata
    })
    const tagging = await target().client.send(new GetObjectTaggingCommand({ Bucket: target().bucket, Key: key }))
    expect(Object.fromEntries((tagging.TagSet ?? []).map(({ Key, Value }) => [Key, Value]))).toEqual(tags)
  })

  it.each<[name: string, key: string, contentType: string]>([
    ["the key's ending", "talk.MP4", "video/mp4"],
    ["nothing else", "no-ending", "application/octet-stream"]
  ])("has the content type inferred from %s", async (_, name, contentType) => {
    const { key } = await attempt(target(), { key: `${freshKey("type")}/${name}`, body: pattern(3) })
    expect((await head(target(), key)).ContentType).toBe(contentType)
  })

  it("has the content type that the Blob, or the name of the stream, gives, and the caller's above all", async () => {
    const typed = new Blob([pattern(3)], { type: "text/csv" })
    const uploads = [
      await attempt(target(), { key: freshKey("a.png"), body: typed }, { expected: pattern(3) }),
      await attempt(target(), { body: generator([pattern(3)]), name: "page.html" }, { expected: pattern(3) }),
      await attempt(target(), { key: "b.png", body: typed, contentType: "x/y" }, { expected: pattern(3) })
    ]
    const types = await Promise.all(uploads.map(async ({ key }) => (await head(target(), key)).ContentType))
    expect(types).toEqual(["text/csv", expect.stringMatching(/^text\/html/), "x/y"])
  })

  it("does not change the caller's objects", async () => {
    const metadata = Object.freeze({ a: "1" })
    await attempt(target(), { body: pattern(1), metadata })
    expect(metadata).toEqual({ a: "1" })
  })

  it("is what the result says: ETag and version", async () => {
    for (const [, size] of sizes) {
      const outcome = await attempt(target(), { body: pattern(size) })
      const { etag, versionId } = succeeded(outcome)
      const stored = await head(target(), outcome.key)
      expect({ etag: `"${etag}"`, versionId }).toEqual({ etag: stored.ETag, versionId: stored.VersionId })
    }
  })
})

onEmbedded("the storage class", (target) => {
  it.each(sizes)("is the one asked for, in %s", async (_, size) => {
    const { key } = await attempt(target(), { body: pattern(size), storageClass: "STANDARD_IA" })
    expect((await head(target(), key)).StorageClass).toBe("STANDARD_IA")
  })

  it("is refused, naming it, where the store has no such class", async () => {
    const { error } = await attempt(target(), { body: pattern(1), storageClass: "NO_SUCH_CLASS" })
    expect(error).toMatchObject({ reason: { _tag: "InvalidRequest" } })
    expect(String(error)).toMatch(/storage class/i)
  })
})
