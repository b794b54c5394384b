import { randomBytes } from "node:crypto"
import { arrangeRecords, type Upload } from "./arrange-records.ts"
import { BlobUses } from "./BlobUses.ts"
import { Bucket, versionIdOf } from "./Bucket.ts"
import type { DeleteOptions, Deletion } from "./Deletion.ts"
import { KeyedLock } from "./KeyedLock.ts"
import { withDefaultRetention } from "./lock/ObjectLock.ts"
import type { S3Stream } from "./message.ts"
import type { BucketRecord, ObjectRecord, PartRecord, S3Record, Segment, UploadRecord, Version } from "./Records.ts"
import { S3Error } from "./S3Error.ts"
import { slice } from "./slice.ts"
import type { S3Store } from "./store/S3Store.ts"

/** S3 user guide, "Bucket naming rules": 3 to 63 of `a-z 0-9 . -`, ends alphanumeric, no IP address, no `..`. */
const bucketName = /^(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

/**
 * The truth about buckets, objects and uploads: maps in memory, written through to the store before anyone sees a
 * change. One record saved is one commit, so a crash leaves either the old state or the new one.
 */
export class S3Model {
  readonly buckets = new Map<string, Bucket>()
  readonly uploads = new Map<string, Upload>()
  readonly #store: S3Store
  readonly #uses: BlobUses
  readonly #locks = new KeyedLock()
  #serial = 0

  private constructor(store: S3Store) {
    this.#store = store
    this.#uses = new BlobUses(store)
  }

  static async open(store: S3Store): Promise<S3Model> {
    const model = new S3Model(store)
    await model.#load(await store.open())
    return model
  }

  async #load(records: ReadonlyArray<S3Record>): Promise<void> {
    const { buckets, uploads, orphans, serial } = arrangeRecords(records)
    for (const [name, bucket] of buckets) this.buckets.set(name, bucket)
    for (const [id, upload] of uploads) this.uploads.set(id, upload)
    this.#serial = serial
    for (const record of records) if ("segments" in record) this.#uses.retain(record.segments)
    await this.#store.remove(orphans)
    for (const record of orphans) if ("segments" in record) await this.#uses.release(record.segments)
  }

  bucket(name: string): Bucket {
    const bucket = this.buckets.get(name)
    if (bucket === undefined) throw new S3Error("NoSuchBucket", undefined, { BucketName: name })
    return bucket
  }

  /** What a read of this key, or of one version of it, finds. Throws S3's refusals. */
  object(bucket: string, key: string, versionId?: string): ObjectRecord {
    return this.bucket(bucket).find(key, versionId)
  }

  upload(bucket: string, key: string, uploadId: string): Upload {
    this.bucket(bucket)
    const upload = this.uploads.get(uploadId)
    if (upload === undefined || upload.record.bucket !== bucket || upload.record.key !== key) {
      throw new S3Error("NoSuchUpload", undefined, { UploadId: uploadId })
    }
    return upload
  }

  async createBucket(
    name: string,
    created: number,
    more: Pick<BucketRecord, "versioning" | "settings"> = {}
  ): Promise<void> {
    if (!bucketName.test(name)) throw new S3Error("InvalidBucketName", undefined, { BucketName: name })
    await this.#locks.run(name, async () => {
      if (this.buckets.has(name)) throw new S3Error("BucketAlreadyOwnedByYou", undefined, { BucketName: name })
      const record: BucketRecord = { kind: "bucket", name, created, ...more }
      await this.#store.save(record)
      this.buckets.set(name, new Bucket(record))
    })
  }

  /** Replaces a bucket's settings. */
  updateBucket(name: string, change: (record: BucketRecord) => BucketRecord): Promise<void> {
    return this.#locks.run(name, async () => {
      const bucket = this.bucket(name)
      const record = change(bucket.record)
      await this.#store.save(record)
      bucket.record = record
    })
  }

  deleteBucket(name: string): Promise<void> {
    return this.#locks.run(name, async () => {
      const bucket = this.bucket(name)
      if (!bucket.isEmpty) throw new S3Error("BucketNotEmpty", undefined, { BucketName: name })
      this.buckets.delete(name)
      await this.#store.remove([bucket.record])
      for (const upload of this.uploads.values()) {
        if (upload.record.bucket === name) await this.#dropUpload(upload)
      }
    })
  }

  /**
   * Makes this the newest version of its key if `check` of the object it hides does not throw; of two rivals, one
   * sees the other. Resolves to the record with its version.
   */
  putObject(record: ObjectRecord, check: (current: ObjectRecord | undefined) => void): Promise<ObjectRecord> {
    return this.#locks.run(`${record.bucket}/${record.key}`, () => this.#putObject(record, check))
  }

  async #putObject(record: ObjectRecord, check: (current: ObjectRecord | undefined) => void): Promise<ObjectRecord> {
    const bucket = this.bucket(record.bucket)
    check(bucket.objects.get(record.key))
    const stamped = this.#stamp(bucket, withDefaultRetention(record, bucket))
    await this.#save(stamped)
    await this.#add(bucket, stamped)
    return stamped
  }

  /** Changes what is kept beside the bytes of a version that is there, its place among the versions unchanged. */
  updateObject(object: ObjectRecord, change: (record: ObjectRecord) => ObjectRecord): Promise<void> {
    return this.#locks.run(`${object.bucket}/${object.key}`, async () => {
      const current = this.object(object.bucket, object.key, versionIdOf(object))
      const changed = change(current)
      await this.#store.save(changed)
      this.bucket(object.bucket).add(changed)
    })
  }

  /** Gives a record the version that its bucket's versioning wants. */
  #stamp<A extends Version>(bucket: Bucket, record: A): A {
    const { versioning } = bucket.record
    if (versioning === undefined) return record
    const serial = ++this.#serial
    if (versioning === "Suspended") return { ...record, serial }
    return { ...record, serial, versionId: randomBytes(VERSION_ID_BYTES).toString("base64url") }
  }

  /** Adds a version that was saved, and lets go of the null version it replaced. */
  async #add(bucket: Bucket, version: Version): Promise<void> {
    const replaced = bucket.version(version.key, versionIdOf(version))
    bucket.add(version)
    if (replaced?.kind === "object") await this.#uses.release(replaced.segments)
  }

  async #save(record: ObjectRecord | PartRecord): Promise<void> {
    this.#uses.retain(record.segments)
    try {
      await this.#store.save(record)
    } catch (error) {
      await this.#uses.release(record.segments)
      throw error
    }
  }

  /** Removes a version for good, or hides the key behind a delete marker, as the bucket's versioning has it. */
  deleteObject(bucket: string, key: string, { now, versionId, check }: DeleteOptions): Promise<Deletion> {
    return this.#locks.run(`${bucket}/${key}`, async () => {
      const found = this.bucket(bucket)
      const { versioning } = found.record
      const target = versionId === undefined ? found.versions(key)[0] : found.version(key, versionId)
      check?.(target)
      if (versionId === undefined && versioning !== undefined) {
        const marker = this.#stamp(found, { kind: "marker", bucket, key, modified: now })
        await this.#store.save(marker)
        await this.#add(found, marker)
        return { marker }
      }
      if (target === undefined) return {}
      await this.#store.remove([target])
      found.remove(target)
      if (target.kind === "object") await this.#uses.release(target.segments)
      return { removed: target }
    })
  }

  async createUpload(record: UploadRecord): Promise<void> {
    this.bucket(record.bucket)
    await this.#store.save(record)
    this.uploads.set(record.uploadId, { record, parts: new Map() })
  }

  /** The last part to arrive under a number wins. One that arrives after Complete or Abort is refused. */
  putPart(upload: Upload, part: PartRecord): Promise<void> {
    return this.#locks.run(`${part.uploadId}/${part.partNumber}`, async () => {
      this.#assertOpen(upload)
      await this.#save(part)
      if (!this.uploads.has(part.uploadId)) {
        await this.#store.remove([part])
        await this.#uses.release(part.segments)
        this.#assertOpen(upload)
      }
      const replaced = upload.parts.get(part.partNumber)
      upload.parts.set(part.partNumber, part)
      if (replaced !== undefined) await this.#uses.release(replaced.segments)
    })
  }

  /** Turns the upload into the object that `assemble` builds from its parts, and closes it. */
  completeUpload(
    upload: Upload,
    assemble: () => ObjectRecord,
    check: (current: ObjectRecord | undefined) => void
  ): Promise<ObjectRecord> {
    const { bucket, key } = upload.record
    return this.#locks.run(`${bucket}/${key}`, async () => {
      this.#assertOpen(upload)
      const object = await this.#putObject(assemble(), check)
      await this.#dropUpload(upload)
      return object
    })
  }

  abortUpload(upload: Upload): Promise<void> {
    const { bucket, key } = upload.record
    return this.#locks.run(`${bucket}/${key}`, async () => {
      this.#assertOpen(upload)
      await this.#dropUpload(upload)
    })
  }

  #assertOpen(upload: Upload): void {
    this.upload(upload.record.bucket, upload.record.key, upload.record.uploadId)
  }

  async #dropUpload(upload: Upload): Promise<void> {
    this.uploads.delete(upload.record.uploadId)
    const parts = [...upload.parts.values()]
    await this.#store.remove([upload.record, ...parts])
    for (const part of parts) await this.#uses.release(part.segments)
  }

  /** Stores a body and hands it to `commit`. The bytes stay if a record that is saved there names them. */
  write<A>(body: AsyncIterable<Uint8Array>, commit: (segments: ReadonlyArray<Segment>) => Promise<A>): Promise<A> {
    return this.#uses.write(body, commit)
  }

  /** Runs `work` while these bytes stay, whatever happens to the object they belong to. */
  holding<A>(segments: ReadonlyArray<Segment>, work: () => Promise<A>): Promise<A> {
    return this.#uses.holding(segments, work)
  }

  /** Bytes `[offset, offset + length)` of the segments' concatenation; they stay readable until the end or `return`. */
  read(segments: ReadonlyArray<Segment>, offset: number, length: number): S3Stream {
    return this.#uses.stream(slice(segments, offset, length))
  }
}

/** Bytes behind a version id; its length in base64url is what tells one from anything else. */
const VERSION_ID_BYTES = 24
