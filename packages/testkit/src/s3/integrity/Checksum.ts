import { createHash } from "node:crypto"
import * as Schema from "effect/Schema"
import { S3Error } from "../S3Error.ts"
import { type Crc, combineCrc, crc32c, crc32Ieee, crc64nvme } from "./Crc.ts"
import { crc64nvmeHasher, xxhash } from "./Wasm.ts"

export const ChecksumAlgorithm = Schema.Literals([
  "CRC32",
  "CRC32C",
  "CRC64NVME",
  "MD5",
  "SHA1",
  "SHA256",
  "SHA512",
  "XXHASH128",
  "XXHASH3",
  "XXHASH64"
])
export type ChecksumAlgorithm = typeof ChecksumAlgorithm.Type

export const ChecksumType = Schema.Literals(["COMPOSITE", "FULL_OBJECT"])
export type ChecksumType = typeof ChecksumType.Type

/** Takes bytes as they stream past. */
export interface Hasher {
  update(chunk: Uint8Array): void
  digest(): Buffer
}

interface Algorithm {
  /** Request and answer header. */
  readonly header: string
  /** Element in XML. */
  readonly element: string
  readonly bytes: number
  /** What a multipart object may carry; the first is the default (S3 user guide, "Checking object integrity"). */
  readonly types: readonly [ChecksumType, ...ReadonlyArray<ChecksumType>]
  readonly hasher: () => Hasher
  /** Present where part checksums combine into the whole object's. */
  readonly crc?: Crc
}

const named = (name: string) => ({ header: `x-amz-checksum-${name.toLowerCase()}`, element: `Checksum${name}` })

const fromCrc = (crc: Crc) => ({
  crc,
  bytes: crc.bits / 8,
  hasher: (): Hasher => {
    const hasher = crc.hasher()
    return { update: (chunk) => hasher.update(chunk), digest: () => toBytes(hasher.value(), crc.bits / 8) }
  }
})

const fromHash = (name: "sha1" | "sha256" | "sha512" | "md5", bytes: number) => ({
  bytes,
  hasher: (): Hasher => {
    const hash = createHash(name)
    return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest() }
  }
})

export const checksums: Readonly<Record<ChecksumAlgorithm, Algorithm>> = {
  CRC32: { ...named("CRC32"), ...fromCrc(crc32Ieee), types: ["COMPOSITE", "FULL_OBJECT"] },
  CRC32C: { ...named("CRC32C"), ...fromCrc(crc32c), types: ["COMPOSITE", "FULL_OBJECT"] },
  CRC64NVME: { ...named("CRC64NVME"), ...fromCrc(crc64nvme), hasher: crc64nvmeHasher, types: ["FULL_OBJECT"] },
  SHA1: { ...named("SHA1"), ...fromHash("sha1", 20), types: ["COMPOSITE"] },
  SHA256: { ...named("SHA256"), ...fromHash("sha256", 32), types: ["COMPOSITE"] },
  SHA512: { ...named("SHA512"), ...fromHash("sha512", 64), types: ["COMPOSITE"] },
  MD5: { ...named("MD5"), ...fromHash("md5", 16), types: ["COMPOSITE"] },
  XXHASH64: { ...named("XXHASH64"), hasher: xxhash.XXHASH64, bytes: 8, types: ["COMPOSITE"] },
  XXHASH3: { ...named("XXHASH3"), hasher: xxhash.XXHASH3, bytes: 8, types: ["COMPOSITE"] },
  XXHASH128: { ...named("XXHASH128"), hasher: xxhash.XXHASH128, bytes: 16, types: ["COMPOSITE"] }
}

export const isChecksumAlgorithm = Schema.is(ChecksumAlgorithm)
export const isChecksumType = Schema.is(ChecksumType)

/** The algorithm a checksum header or XML element stands for. */
export const algorithmOf = (headerOrElement: string): ChecksumAlgorithm | undefined =>
  ChecksumAlgorithm.literals.find(
    (name) => checksums[name].header === headerOrElement || checksums[name].element === headerOrElement
  )

/** What S3 itself computes of what comes without a checksum (API reference, "Checking object integrity"). */
export const DEFAULT_ALGORITHM = "CRC64NVME"

/** The algorithm that `x-amz-checksum-algorithm` names, in any case. */
export function checksumAlgorithm(header: string | undefined): ChecksumAlgorithm | undefined {
  const algorithm = header?.toUpperCase()
  if (algorithm === undefined || isChecksumAlgorithm(algorithm)) return algorithm
  throw new S3Error(
    "InvalidRequest",
    `Checksum algorithm provided is unsupported. Please try again with any of the valid types: [${ChecksumAlgorithm.literals.join(", ")}]`
  )
}

/** The object's checksum from those of its parts (base64 each): `value-N` for COMPOSITE, combined for FULL_OBJECT. */
export function objectChecksum(
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
  parts: ReadonlyArray<{ readonly value: string; readonly size: number }>
): string {
  const { crc, bytes, hasher } = checksums[algorithm]
  if (type === "FULL_OBJECT" && crc !== undefined) {
    const values = parts.map((part) => ({ value: toNumber(Buffer.from(part.value, "base64")), length: part.size }))
    return toBytes(combineCrc(crc, values), bytes).toString("base64")
  }
  const whole = hasher()
  for (const part of parts) whole.update(Buffer.from(part.value, "base64"))
  return `${whole.digest().toString("base64")}-${parts.length}`
}

const toBytes = (value: bigint, bytes: number): Buffer =>
  Buffer.from(value.toString(16).padStart(bytes * 2, "0"), "hex")

const toNumber = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString("hex")}`)
