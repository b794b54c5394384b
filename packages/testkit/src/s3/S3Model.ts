import { BlobUses } from "./BlobUses.ts"
import { KeyedLock } from "./KeyedLock.ts"
import type { S3Stream } from "./message.ts"
import type { BucketRecord, ObjectRecord, PartRecord, S3Record, Segment, UploadRecord } from "./Records.ts"
import { S3Error } from "./S3Error.ts"
import type { S3Store } from "./store/S3Store.ts"

export interface Bucket {
  readonly record: BucketRecord
  readonly objects: Map<string, ObjectRecord>
}

export interface Upload {
  readonly record: UploadRecord
  readonly parts: Map<number, PartRecord>
}

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
    const completed = new Set<string>()
    const orphans = new Set<S3Record>()
    for (const record of records) {
      if (record.kind === "bucket") this.buckets.set(record.name, { record, objects: new Map() })
    }
    for (const record of records) {
      if (record.kind !== "object") continue
      const bucket = this.buckets.get(record.bucket)
      if (bucket === undefined) orphans.add(record)
      else bucket.objects.set(record.key, record)
      if (record.uploadId !== undefined) completed.add(record.uploadId)
    }
    for (const record of records) {
      if (record.kind !== "upload") continue
      // The process died between saving the object and removing its upload: Complete had happened.
      if (completed.has(record.uploadId) || !this.buckets.has(record.bucket)) orphans.add(record)
      else this.uploads.set(record.uploadId, { record, parts: new Map() })
    }
    for (const record of records) {
      if (record.kind !== "part") continue
      const upload = this.uploads.get(record.uploadId)
      if (upload === undefined) orphans.add(record)
      else upload.parts.set(record.partNumber, record)
    }
    const kept = records.filter((record) => !orphans.has(record))
    for (const record of kept) if ("segments" in record) this.#uses.retain(record.segments)
    await this.#store.remove([...orphans])
    for (const record of orphans) {
      if (!("segments" in record)) continue
      this.#uses.retain(record.segments)
      await this.#uses.release(record.segments)
    }
  }

  bucket(name: string): Bucket {
    const bucket = this.buckets.get(name)
    if (bucket === undefined) throw new S3Error("NoSuchBucket", undefined, { BucketName: name })
    return bucket
  }

  object(bucket: string, key: string): ObjectRecord {
    const object = this.bucket(bucket).objects.get(key)
    if (object === undefined) throw new S3Error("NoSuchKey", undefined, { Key: key })
    return object
  }

  upload(bucket: string, key: string, uploadId: string): Upload {
    this.bucket(bucket)
    const upload = this.uploads.get(uploadId)
    if (upload === undefined || upload.record.bucket !== bucket || upload.record.key !== key) {
      throw new S3Error("NoSuchUpload", undefined, { UploadId: uploadId })
    }
    return upload
  }

  async createBucket(name: string, created: number): Promise<void> {
    if (!bucketName.test(name)) throw new S3Error("InvalidBucketName", undefined, { BucketName: name })
    await this.#locks.run(name, async () => {
      if (this.buckets.has(name)) throw new S3Error("BucketAlreadyOwnedByYou", undefined, { BucketName: name })
      const record: BucketRecord = { kind: "bucket", name, created }
      await this.#store.save(record)
      this.buckets.set(name, { record, objects: new Map() })
    })
  }

  deleteBucket(name: string): Promise<void> {
    return this.#locks.run(name, async () => {
      const bucket = this.bucket(name)
      if (bucket.objects.size > 0) throw new S3Error("BucketNotEmpty", undefined, { BucketName: name })
      this.buckets.delete(name)
      await this.#store.remove([bucket.record])
      for (const upload of this.uploads.values()) {
        if (upload.record.bucket === name) await this.#dropUpload(upload)
      }
    })
  }

  /** Replaces the object if `check` of the one it replaces does not throw; of two rivals, one sees the other. */
  putObject(record: ObjectRecord, check: (current: ObjectRecord | undefined) => void): Promise<void> {
    return this.#locks.run(`${record.bucket}/${record.key}`, () => this.#putObject(record, check))
  }

  async #putObject(record: ObjectRecord, check: (current: ObjectRecord | undefined) => void): Promise<void> {
    const { objects } = this.bucket(record.bucket)
    const current = objects.get(record.key)
    check(current)
    await this.#save(record)
    objects.set(record.key, record)
    if (current !== undefined) await this.#uses.release(current.segments)
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

  deleteObject(bucket: string, key: string): Promise<void> {
    return this.#locks.run(`${bucket}/${key}`, async () => {
      const { objects } = this.bucket(bucket)
      const current = objects.get(key)
      if (current === undefined) return
      await this.#store.remove([current])
      objects.delete(key)
      await this.#uses.release(current.segments)
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
      const object = assemble()
      await this.#putObject(object, check)
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
  async write<A>(
    body: AsyncIterable<Uint8Array>,
    commit: (segments: ReadonlyArray<Segment>) => Promise<A>
  ): Promise<A> {
    const writer = await this.#store.writeBlob()
    let length = 0
    try {
      for await (const chunk of body) {
        length += chunk.length
        await writer.write(chunk)
      }
    } catch (error) {
      await writer.abort()
      throw error
    }
    if (length === 0) {
      await writer.abort()
      return commit([])
    }
    const segments = [{ blob: await writer.commit(), offset: 0, length }]
    return this.holding(segments, () => commit(segments))
  }

  /** Runs `work` while these bytes stay, whatever happens to the object they belong to. */
  async holding<A>(segments: ReadonlyArray<Segment>, work: () => Promise<A>): Promise<A> {
    this.#uses.retain(segments)
    try {
      return await work()
    } finally {
      await this.#uses.release(segments)
    }
  }

  /** Bytes `[offset, offset + length)` of the segments' concatenation; they stay readable until the end or `return`. */
  read(segments: ReadonlyArray<Segment>, offset: number, length: number): S3Stream {
    return this.#uses.stream(slice(segments, offset, length))
  }
}

/** The segments that make up bytes `[offset, offset + length)` of their concatenation. */
export function slice(segments: ReadonlyArray<Segment>, offset: number, length: number): ReadonlyArray<Segment> {
  const slices: Array<Segment> = []
  let start = 0
  for (const segment of segments) {
    const from = Math.max(offset, start)
    const to = Math.min(offset + length, start + segment.length)
    if (from < to) slices.push({ blob: segment.blob, offset: segment.offset + from - start, length: to - from })
    start += segment.length
  }
  return slices
}
