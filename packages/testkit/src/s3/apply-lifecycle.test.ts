import { describe, expect, it } from "vitest"
import { applyLifecycle } from "./apply-lifecycle.ts"
import type { BucketRecord, ObjectRecord, UploadRecord } from "./Records.ts"
import { S3Model } from "./S3Model.ts"
import { memoryStore } from "./store/memory-store.ts"

const at = (text: string): number => Date.parse(`2026-01-${text}Z`)

const object = (key: string, modified: number, more: Partial<ObjectRecord> = {}): ObjectRecord => ({
  ...{ kind: "object", bucket: "media", key, size: 10, etag: "", modified, headers: {}, segments: [] },
  ...more
})

/** A bucket with these rules, and what the rules do. */
async function bucketWith(rules: string, versioning?: BucketRecord["versioning"]) {
  const model = await S3Model.open(memoryStore())
  await model.createBucket("media", 0)
  const lifecycle = `<LifecycleConfiguration>${rules}</LifecycleConfiguration>`
  await model.updateBucket("media", (record) => ({
    ...record,
    settings: { lifecycle },
    ...(versioning === undefined ? {} : { versioning })
  }))
  const put = (record: ObjectRecord) => model.putObject(record, () => {})
  const apply = async (now: number) =>
    (await applyLifecycle(model, now)).map(({ action, key, ruleId }) => [action, key, ruleId])
  return { model, put, apply, keys: () => [...model.bucket("media").objects.keys()] }
}

const rule = (id: string, filter: string, actions: string, status = "Enabled") =>
  `<Rule><ID>${id}</ID><Filter>${filter}</Filter><Status>${status}</Status>${actions}</Rule>`

describe("lifecycle", () => {
  it("an object expires at the midnight after its days, and not a moment before", async () => {
    const { put, apply, keys } = await bucketWith(
      rule("logs", "<Prefix>logs/</Prefix>", "<Expiration><Days>3</Days></Expiration>")
    )
    await put(object("logs/a", at("15T10:30:00")))
    await put(object("other", at("15T10:30:00")))
    expect(await apply(at("18T23:59:59"))).toEqual([])
    expect(await apply(at("19T00:00:00"))).toEqual([["expire", "logs/a", "logs"]])
    expect(keys()).toEqual(["other"])
    expect(await apply(at("30T00:00:00"))).toEqual([])
  })

  it("a date, tags and sizes select; a disabled rule does nothing", async () => {
    const { put, apply, keys } = await bucketWith(
      [
        rule(
          "narrow",
          "<And><Tag><Key>a</Key><Value>1</Value></Tag><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></And>",
          "<Expiration><Date>2026-01-20T00:00:00.000Z</Date></Expiration>"
        ),
        rule("off", "", "<Expiration><Days>1</Days></Expiration>", "Disabled")
      ].join("")
    )
    await put(object("tagged", at("01T00:00:00"), { headers: { "x-amz-tagging": "b=2&a=1" } }))
    await put(object("tiny", at("01T00:00:00"), { headers: { "x-amz-tagging": "a=1" }, size: 5 }))
    await put(object("untagged", at("01T00:00:00")))
    expect(await apply(at("19T23:59:59"))).toEqual([])
    expect(await apply(at("20T00:00:00"))).toEqual([["expire", "tagged", "narrow"]])
    expect(keys()).toEqual(["tiny", "untagged"])
  })

  it("uploads that stay open are aborted, by key prefix and age", async () => {
    const { model, apply } = await bucketWith(
      rule(
        "abort",
        "<Prefix>up/</Prefix>",
        "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
      )
    )
    const begin = (uploadId: string, key: string, initiated: number) => {
      const record: UploadRecord = { kind: "upload", uploadId, bucket: "media", key, initiated, headers: {} }
      return model.createUpload(record)
    }
    await begin("old", "up/a", at("01T12:00:00"))
    await begin("young", "up/b", at("05T12:00:00"))
    await begin("elsewhere", "down", at("01T12:00:00"))
    expect(await apply(at("09T00:00:00"))).toEqual([["abort", "up/a", "abort"]])
    expect([...model.uploads.keys()]).toEqual(["young", "elsewhere"])
  })

  it("in a versioned bucket expiry hides; noncurrent versions go by their age and number; the last marker follows", async () => {
    const { model, put, apply, keys } = await bucketWith(
      [
        rule("hide", "", "<Expiration><Days>10</Days></Expiration>"),
        rule(
          "prune",
          "",
          "<NoncurrentVersionExpiration><NoncurrentDays>5</NoncurrentDays><NewerNoncurrentVersions>1</NewerNoncurrentVersions></NoncurrentVersionExpiration>"
        ),
        rule("markers", "", "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>")
      ].join(""),
      "Enabled"
    )
    for (const day of ["01", "02", "03"]) await put(object("k", at(`${day}T00:00:00`)))
    // The first became noncurrent on the 2nd; the second is the newest noncurrent one, which is kept.
    expect(await apply(at("07T00:00:00"))).toEqual([["removeVersion", "k", "prune"]])
    expect(model.bucket("media").versions("k")).toHaveLength(2)
    expect(await apply(at("13T00:00:00"))).toEqual([["expire", "k", "hide"]])
    expect(keys()).toEqual([])
    expect(
      model
        .bucket("media")
        .versions("k")
        .map(({ kind }) => kind)
    ).toEqual(["marker", "object", "object"])
    for (const { versionId = "null" } of model.bucket("media").versions("k").slice(1)) {
      await model.deleteObject("media", "k", { now: 0, versionId })
    }
    expect(await apply(at("13T00:00:00"))).toEqual([["removeMarker", "k", "markers"]])
    expect(model.bucket("media").isEmpty).toBe(true)
  })

  it("a transition changes the storage class, once, to the last that is due", async () => {
    const transition = (days: number, storageClass: string) =>
      `<Transition><Days>${days}</Days><StorageClass>${storageClass}</StorageClass></Transition>`
    const { model, put, apply } = await bucketWith(
      rule("cool", "", transition(1, "STANDARD_IA") + transition(3, "GLACIER"))
    )
    await put(object("k", at("01T00:00:00")))
    const storageClass = () => model.object("media", "k").headers["x-amz-storage-class"]
    expect(await apply(at("02T00:00:00"))).toEqual([["transition", "k", "cool"]])
    expect(storageClass()).toBe("STANDARD_IA")
    expect(await apply(at("03T00:00:00"))).toEqual([])
    await apply(at("09T00:00:00"))
    expect(storageClass()).toBe("GLACIER")
  })
})
