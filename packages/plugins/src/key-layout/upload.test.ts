import { HeadObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { createSluice, type StoredObject, s3 } from "@sluice/core/promise"
import { type S3Server, startS3 } from "@sluice/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type KeyLayoutOptions, keyLayout } from "./index.ts"

let server: S3Server
beforeAll(async () => {
  server = await startS3({ buckets: ["media"] })
})
afterAll(() => server.close())

const open = (layout: KeyLayoutOptions) => {
  const { endpoint, region, credentials } = server
  return createSluice({
    store: s3({ bucket: "media", endpoint, region, credentials }),
    plugins: [keyLayout(layout)],
    partSize: 5 * 2 ** 20,
    multipartThreshold: 5 * 2 ** 20
  })
}

const bytesAt = async ({ key }: StoredObject): Promise<string> =>
  Buffer.from((await server.object("media", key)) ?? []).toString()

describe("an upload with a key layout", () => {
  it("is stored under the user's folder, with its metadata, and not under the key that was asked for", async () => {
    await using sluice = open({ user: (upload) => upload.annotations["user"] ?? "" })
    const stored = await sluice
      .upload({
        key: "asked/for.csv",
        name: "../../R\u00f6ws 1.csv",
        body: Buffer.from("x"),
        annotations: { user: "42" }
      })
      .done()
    expect(stored.key).toMatch(/^datasets\/user_42\/\d{8}_\d{6}_R\u00f6ws 1\.csv$/)
    expect(stored.uri).toBe(`s3://media/${stored.key}`)
    expect(await bytesAt(stored)).toBe("x")

    const { endpoint, region, credentials } = server
    const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
    const { Metadata, ContentType } = await client.send(new HeadObjectCommand({ Bucket: "media", Key: stored.key }))
    client.destroy()
    expect(Metadata?.["original_filename"]).toBe("R%C3%B6ws%201.csv")
    expect(Metadata?.["uploaded_at"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(ContentType).toBe("text/csv; charset=utf-8")
  })

  it("never overwrites: fifty of one name at once are fifty objects, each with its own bytes", async () => {
    await using sluice = open({ user: "many", template: ({ user, filename }) => `${user}/${filename}` })
    const stored = await Promise.all(
      Array.from({ length: 50 }, (_, i) => sluice.upload({ key: "same.txt", body: Buffer.from(`number ${i}`) }).done())
    )
    expect(new Set(stored.map(({ key }) => key)).size).toBe(50)
    expect(await Promise.all(stored.map(bytesAt))).toEqual(stored.map((_, i) => `number ${i}`))
    // And the next one, after all of them have ended.
    const next = await sluice.upload({ key: "same.txt", body: Buffer.from("late") }).done()
    expect(next.key).toBe("many/same_50.txt")
  })

  it("of another process that took the key meanwhile fails instead of overwriting it", async () => {
    const template: KeyLayoutOptions["template"] = ({ user, filename }) => `${user}/${filename}`
    await using one = open({ user: "two", template })
    await using other = open({ user: "two", template })
    // Each has a plugin of its own, as two processes have: neither sees the other's reservation.
    const outcomes = await Promise.allSettled(
      [one, other].map((sluice, i) => sluice.upload({ key: "a.bin", body: new Uint8Array(6 * 2 ** 20).fill(i) }).done())
    )
    const reasons = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason.reason._tag] : []))
    const keys = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.key] : []))
    // Whoever looked later has either seen the other's object or was refused by the store.
    expect(keys.length + reasons.length).toBe(2)
    expect(new Set(keys).size).toBe(keys.length)
    expect(reasons.every((tag) => tag === "PreconditionFailed")).toBe(true)
    expect(keys.length).toBeGreaterThan(0)
    expect(server.openUploads()).toEqual([])
  })

  it("fails without a user, before anything is sent", async () => {
    await using sluice = open({ user: () => "" })
    const before = server.requests.length
    await expect(sluice.upload({ key: "a", body: Buffer.from("x") }).done()).rejects.toThrow(/needs a user id/)
    expect(server.requests.length).toBe(before)
  })
})
