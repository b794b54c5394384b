import type { BucketRecord, MarkerRecord, ObjectRecord, Version } from "./Records.ts"
import { S3Error } from "./S3Error.ts"
import { type BucketSettings, settingsOf } from "./settings/BucketSettings.ts"

/** The version id of what was stored without versioning, or while it was suspended. */
export const NULL_VERSION = "null"

export const versionIdOf = ({ versionId = NULL_VERSION }: Version): string => versionId

/** One bucket's keys with all their versions, and its settings. */
export class Bucket {
  #record: BucketRecord
  #settings: BucketSettings
  /** What GET finds under each key: the newest version, unless that is a delete marker. */
  readonly objects = new Map<string, ObjectRecord>()
  readonly #versions = new Map<string, ReadonlyArray<Version>>()

  constructor(record: BucketRecord) {
    this.#record = record
    this.#settings = settingsOf(record.settings)
  }

  get record(): BucketRecord {
    return this.#record
  }

  set record(record: BucketRecord) {
    this.#record = record
    this.#settings = settingsOf(record.settings)
  }

  get settings(): BucketSettings {
    return this.#settings
  }

  get isEmpty(): boolean {
    return this.#versions.size === 0
  }

  /** Every key that has a version, in no order. */
  keys(): Iterable<string> {
    return this.#versions.keys()
  }

  /** Newest first. */
  versions(key: string): ReadonlyArray<Version> {
    return this.#versions.get(key) ?? []
  }

  /** `"null"` finds the null version. */
  version(key: string, versionId: string): Version | undefined {
    return this.versions(key).find((version) => versionIdOf(version) === versionId)
  }

  /** What a read means: the newest version, or the one named. Throws S3's refusals, those of delete markers included. */
  find(key: string, versionId?: string): ObjectRecord {
    const version = versionId === undefined ? this.versions(key)[0] : this.version(key, versionId)
    if (version?.kind === "object") return version
    if (version !== undefined) return refuseMarker(version, versionId !== undefined)
    if (versionId === undefined) throw new S3Error("NoSuchKey", undefined, { Key: key })
    throw new S3Error("NoSuchVersion", undefined, { Key: key, VersionId: versionId })
  }

  /** Adds a version, or replaces the one of the same id. */
  add(version: Version): void {
    const others = this.versions(version.key).filter(({ versionId }) => versionId !== version.versionId)
    this.#set(version.key, [version, ...others].sort(newestFirst))
  }

  remove(version: Version): void {
    this.#set(
      version.key,
      this.versions(version.key).filter((other) => other !== version)
    )
  }

  #set(key: string, versions: ReadonlyArray<Version>): void {
    const [newest] = versions
    if (newest === undefined) this.#versions.delete(key)
    else this.#versions.set(key, versions)
    if (newest?.kind === "object") this.objects.set(key, newest)
    else this.objects.delete(key)
  }
}

const newestFirst = (a: Version, b: Version): number => (b.serial ?? 0) - (a.serial ?? 0)

/** A marker reads as absent by its key, and cannot be read at all by its own version. */
function refuseMarker(marker: MarkerRecord, named: boolean): never {
  const headers = { "x-amz-delete-marker": "true", "x-amz-version-id": versionIdOf(marker) }
  if (!named) throw new S3Error("NoSuchKey", undefined, { Key: marker.key }, headers)
  throw new S3Error(
    "MethodNotAllowed",
    undefined,
    { Method: "GET", ResourceType: "DeleteMarker" },
    { ...headers, allow: "DELETE", "last-modified": new Date(marker.modified).toUTCString() }
  )
}
