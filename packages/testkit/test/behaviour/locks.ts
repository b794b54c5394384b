import { randomUUID } from "node:crypto"
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectLegalHoldCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  type ObjectLockLegalHoldStatus,
  type ObjectLockRetention,
  type ObjectLockRetentionMode,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand
} from "@aws-sdk/client-s3"
import { describe, expect, it } from "vitest"
import type { Suite } from "../s3-behaviour.ts"
import { begin, crc32Of, lastPart, refused } from "./support.ts"

const DAY = 86_400_000
/** Whole seconds: what is told of a date has no more. */
const inDays = (days: number) => new Date(Math.floor((Date.now() + days * DAY) / 1000) * 1000)

export function locks({ store, facts }: Suite): void {
  /** A bucket of its own whose objects can be locked, and the verbs of these cases. */
  async function lockable(ObjectLockEnabledForBucket = true) {
    const { s3 } = store()
    const Bucket = `locks-${randomUUID()}`
    await s3.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket }))
    const put = async (Key: string, more: Partial<PutObjectCommandInput> = {}) => {
      const ChecksumCRC32 = crc32Of(lastPart)
      const { VersionId } = await s3.send(new PutObjectCommand({ Bucket, Key, Body: lastPart, ChecksumCRC32, ...more }))
      return { Bucket, Key, VersionId }
    }
    type Version = Awaited<ReturnType<typeof put>>
    const remove = (version: Version, BypassGovernanceRetention = false) =>
      s3.send(new DeleteObjectCommand({ ...version, BypassGovernanceRetention }))
    const retain = (version: Version, Retention: ObjectLockRetention, BypassGovernanceRetention = false) =>
      s3.send(
        new PutObjectRetentionCommand({ ...version, Retention, BypassGovernanceRetention, ChecksumAlgorithm: "CRC32" })
      )
    const hold = (version: Version, Status: ObjectLockLegalHoldStatus) =>
      s3.send(new PutObjectLegalHoldCommand({ ...version, LegalHold: { Status }, ChecksumAlgorithm: "CRC32" }))
    const retention = async (version: Version) => (await s3.send(new GetObjectRetentionCommand(version))).Retention
    const byDefault = (Mode: ObjectLockRetentionMode, Days: number) => {
      const DefaultRetention = { Mode, Days }
      const ObjectLockConfiguration = { ObjectLockEnabled: "Enabled", Rule: { DefaultRetention } } as const
      return s3.send(
        new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration, ChecksumAlgorithm: "CRC32" })
      )
    }
    return { s3, Bucket, put, remove, retain, hold, retention, byDefault }
  }
  const locked = (answer: Promise<unknown>) =>
    facts.lockedVersion === "403 AccessDenied"
      ? refused(answer, 403, "AccessDenied")
      : refused(answer, 400, "InvalidRequest")
  const governed = (days = 1) => ({ ObjectLockMode: "GOVERNANCE", ObjectLockRetainUntilDate: inDays(days) }) as const

  describe("object lock", () => {
    it("a bucket that is made for it has versions, which cannot be suspended", async () => {
      const { s3, Bucket, byDefault } = await lockable()
      const configuration = async () =>
        (await s3.send(new GetObjectLockConfigurationCommand({ Bucket }))).ObjectLockConfiguration
      expect(await configuration()).toMatchObject({ ObjectLockEnabled: "Enabled" })
      expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe("Enabled")
      const VersioningConfiguration = { Status: "Suspended" } as const
      const suspend = s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }))
      await refused(suspend, facts.lockedVersioning, "InvalidBucketState")
      await byDefault("COMPLIANCE", 2)
      expect((await configuration())?.Rule?.DefaultRetention).toEqual({ Mode: "COMPLIANCE", Days: 2 })
    })

    it("a lock comes with the object, is told with it, and changes by itself", async () => {
      const { s3, put, hold, retain, retention } = await lockable()
      const lock = { ...governed(), ObjectLockLegalHoldStatus: "ON" } as const
      const version = await put("locked", lock)
      expect(await s3.send(new HeadObjectCommand(version))).toMatchObject(lock)
      expect(await retention(version)).toEqual({ Mode: "GOVERNANCE", RetainUntilDate: lock.ObjectLockRetainUntilDate })
      await hold(version, "OFF")
      expect((await s3.send(new GetObjectLegalHoldCommand(version))).LegalHold?.Status).toBe("OFF")
      const longer = { Mode: "GOVERNANCE", RetainUntilDate: inDays(2) } as const
      await retain(version, longer)
      expect(await retention(version)).toEqual(longer)
      const free = await put("free")
      await refused(retention(free), facts.withoutLock, "NoSuchObjectLockConfiguration")
      await refused(s3.send(new GetObjectLegalHoldCommand(free)), facts.withoutLock, "NoSuchObjectLockConfiguration")
    })

    it("a retained version is hidden by a marker, and deleted by nobody but who lifts GOVERNANCE", async () => {
      const { s3, Bucket, put, remove } = await lockable()
      const version = await put("k", governed())
      expect((await s3.send(new DeleteObjectCommand({ Bucket, Key: "k" }))).DeleteMarker).toBe(true)
      await locked(remove(version))
      const Objects = [{ Key: "k", VersionId: version.VersionId }]
      const Delete = { Objects }
      const { Errors } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete, ChecksumAlgorithm: "CRC32" }))
      expect(Errors?.map(({ Key, Code }) => [Key, Code])).toEqual([["k", facts.lockedVersion.slice(4)]])
      await remove(version, true)
      await refused(s3.send(new HeadObjectCommand(version)), 404, "NotFound")
    })

    it("COMPLIANCE is lifted by nobody, and neither is a legal hold", async () => {
      const { put, remove, hold } = await lockable()
      const kept = await put("kept", { ...governed(), ObjectLockMode: "COMPLIANCE" })
      await locked(remove(kept, true))
      const held = await put("held", { ObjectLockLegalHoldStatus: "ON" })
      await locked(remove(held, true))
      await hold(held, "OFF")
      await remove(held)
    })

    it("a retention becomes shorter or another only where GOVERNANCE is lifted", async () => {
      const { put, retain, retention } = await lockable()
      const version = await put("k", governed(3))
      const shorter = { Mode: "GOVERNANCE", RetainUntilDate: inDays(2) } as const
      await locked(retain(version, shorter))
      await retain(version, shorter, true)
      expect(await retention(version)).toEqual(shorter)
      const kept = { Mode: "COMPLIANCE", RetainUntilDate: inDays(2) } as const
      await retain(version, kept, true)
      await locked(retain(version, { ...kept, RetainUntilDate: inDays(1) }, true))
      await locked(retain(version, { ...kept, Mode: "GOVERNANCE" }, true))
      const longer = { ...kept, RetainUntilDate: inDays(3) }
      await retain(version, longer)
      expect(await retention(version)).toEqual(longer)
    })

    it("a default locks what is put, copied and completed, unless that brings a lock of its own", async () => {
      const { s3, Bucket, put, retention, byDefault } = await lockable()
      const before = await put("before")
      await byDefault("GOVERNANCE", 5)
      await refused(retention(before), facts.withoutLock, "NoSuchObjectLockConfiguration")
      const copied = await s3.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/before` }))
      const upload = await begin({ ...store(), bucket: Bucket }, "parts", { ChecksumAlgorithm: "CRC32" })
      const completed = await upload.complete([await upload.put(1, lastPart, { ChecksumCRC32: crc32Of(lastPart) })])
      for (const version of [
        await put("put"),
        { Bucket, Key: "copy", VersionId: copied.VersionId },
        { Bucket, Key: "parts", VersionId: completed.VersionId }
      ]) {
        const { Mode, RetainUntilDate } = (await retention(version)) ?? {}
        const days = ((RetainUntilDate?.getTime() ?? 0) - Date.now()) / DAY
        expect([version.Key, Mode, Math.round(days)]).toEqual([version.Key, "GOVERNANCE", 5])
      }
      const own = governed(1)
      expect((await retention(await put("own", own)))?.RetainUntilDate).toEqual(own.ObjectLockRetainUntilDate)
    })

    it("a multipart upload has the lock of its Create", async () => {
      const { s3, Bucket } = await lockable()
      const lock = { ...governed(), ObjectLockLegalHoldStatus: "ON" } as const
      const upload = await begin({ ...store(), bucket: Bucket }, "parts", { ChecksumAlgorithm: "CRC32", ...lock })
      await upload.complete([await upload.put(1, lastPart, { ChecksumCRC32: crc32Of(lastPart) })])
      expect(await s3.send(new HeadObjectCommand({ Bucket, Key: "parts" }))).toMatchObject(lock)
    })

    it.each<[string, Partial<PutObjectCommandInput>]>([
      ["a mode without a date", { ObjectLockMode: "GOVERNANCE" }],
      ["a date without a mode", { ObjectLockRetainUntilDate: inDays(1) }],
      ["a date that has passed", { ...governed(-1) }]
    ])("%s is refused", async (_, lock) => {
      const { put } = await lockable()
      await expect(put("k", lock)).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } })
    })

    it("a bucket that was not made for it takes no locks", async () => {
      const { s3, put, hold, byDefault } = await lockable(false)
      await refused(put("k", governed()), 400, "InvalidRequest")
      const free = await put("k")
      await refused(hold(free, "ON"), 400, "InvalidRequest")
      await refused(s3.send(new GetObjectRetentionCommand(free)), 400, "InvalidRequest")
      await refused(byDefault("GOVERNANCE", 1), 409, "InvalidBucketState")
    })
  })
}
