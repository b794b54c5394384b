/**
 * What a store shows of an object's bytes, and how the same is taken of a source.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { compositeCrc32, predictEtag } from "../Checksum.ts"
import type { Capabilities } from "../Limits.ts"
import type { ObjectHead, StoredChecksum } from "../ObjectStore.ts"
import type { DigestAlgorithm } from "../platform/digest-workers.ts"
import { createHash } from "../platform/hash.ts"
import { type PackagedChecksum, packagedChecksum } from "./packaged-checksum.ts"

/** A digest of the whole, or one over the digests of parts. */
export interface Evidence {
  readonly by: "crc32" | "crc32c" | "crc64nvme" | "sha256" | "etag"
  readonly algorithm: "crc32" | DigestAlgorithm | PackagedChecksum
  /** Parts that the object was put together from, where it counts. */
  readonly parts: number | undefined
  /** Whether digests of the parts (of the whole: one), as `hashParts` takes them, are those of the object. */
  readonly agrees: (digests: ReadonlyArray<string>) => boolean
}

/** Base64 as hex. */
const hexOf = (base64: string): string =>
  Array.from(atob(base64), (character) => character.charCodeAt(0).toString(16).padStart(2, "0")).join("")

const compositeSha256 = (digests: ReadonlyArray<string>): string | undefined => {
  const hash = createHash("sha256")
  for (const digest of digests) hash?.update(digest, "hex")
  return hash && `${hash.digest("base64")}-${digests.length}`
}

/** How many parts a composite checksum is of; one that does not say so cannot be taken apart. */
const partsOf = (value: string): number | undefined => {
  const [, count] = /-(\d+)$/.exec(value) ?? []
  return count === undefined ? undefined : Number(count)
}

const ofPackaged = ({ type, value }: StoredChecksum, packaged: PackagedChecksum): Evidence | undefined => {
  const by = packaged.algorithm === "CRC32C" ? "crc32c" : "crc64nvme"
  if (type === "FULL_OBJECT") {
    return { by, algorithm: packaged, parts: undefined, agrees: ([whole]) => whole === value }
  }
  const parts = partsOf(value)
  if (parts === undefined) return undefined
  return { by, algorithm: packaged, parts, agrees: (digests) => packaged.composite(digests) === value }
}

const ofChecksum = ({ algorithm, type, value }: StoredChecksum): Evidence | undefined => {
  if (algorithm !== "CRC32" && algorithm !== "SHA256") return undefined
  const by = algorithm === "CRC32" ? "crc32" : "sha256"
  if (type === "FULL_OBJECT") {
    return { by, algorithm: by, parts: undefined, agrees: ([whole]) => whole === hexOf(value) }
  }
  const parts = partsOf(value)
  if (parts === undefined) return undefined
  const combine = (digests: ReadonlyArray<string>): string | undefined =>
    by === "crc32" ? compositeCrc32(digests.map((digest) => Number.parseInt(digest, 16))) : compositeSha256(digests)
  return { by, algorithm: by, parts, agrees: (digests) => combine(digests) === value }
}

/** Only unencrypted and SSE-S3 objects have an MD5 as ETag (S3 API Reference, "Object", ETag). */
const ofEtag = (head: ObjectHead, { etag }: Capabilities): Evidence | undefined => {
  const [, md5, count] = /^([0-9a-f]{32})(?:-(\d+))?$/i.exec(head.etag) ?? []
  const encrypted = head.serverSideEncryption !== undefined && head.serverSideEncryption !== "AES256"
  if (etag !== "md5" || md5 === undefined || encrypted) return undefined
  return {
    by: "etag",
    algorithm: "md5",
    parts: count === undefined ? undefined : Number(count),
    agrees: (digests) => (count === undefined ? digests[0] : predictEtag(digests)) === head.etag.toLowerCase()
  }
}

/** What can be compared of this object, the cheapest first. `packaged`: the checksum it has, where a package takes it. */
export const evidenceOf = (
  head: ObjectHead,
  capabilities: Capabilities,
  packaged?: PackagedChecksum
): ReadonlyArray<Evidence> => {
  const { checksum } = head
  const kept = checksum && (packaged === undefined ? ofChecksum(checksum) : ofPackaged(checksum, packaged))
  return [kept, ofEtag(head, capabilities)].filter((found) => found !== undefined)
}

/** The object's checksum, where it takes a package and that is installed. */
export const packagedOf = ({ checksum }: ObjectHead): Effect.Effect<PackagedChecksum | undefined> =>
  checksum?.algorithm === "CRC32C" || checksum?.algorithm === "CRC64NVME"
    ? Effect.orElseSucceed(packagedChecksum(checksum.algorithm), () => undefined)
    : Effect.succeed(undefined)
