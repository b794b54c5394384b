/**
 * Checksums in S3's words, and as headers.
 *
 * @module
 */
import { compositeCrc32, encodeCrc32 } from "../Checksum.ts"
import type { Capabilities } from "../Limits.ts"
import type { ChecksumAlgorithm, CompleteMultipartUpload, OtherChecksum } from "../ObjectStore.ts"
import type { Input } from "./Operations.ts"

/** The field that holds each checksum. */
export const checksumField = {
  CRC32: "ChecksumCRC32",
  CRC32C: "ChecksumCRC32C",
  CRC64NVME: "ChecksumCRC64NVME"
} as const satisfies Record<ChecksumAlgorithm, string>

const algorithms = ["CRC32", "CRC32C", "CRC64NVME"] as const

export const checksumFields = ({
  algorithm,
  value
}: {
  readonly algorithm: ChecksumAlgorithm
  readonly value: string
}) => ({
  [checksumField[algorithm]]: value
})

/** CRC32 of the whole as it goes with Complete. */
export const crc32OfAll = ({ checksum, crc32, parts }: CompleteMultipartUpload) => ({
  algorithm: "CRC32" as const,
  value: checksum === "COMPOSITE" ? compositeCrc32(parts.map((part) => part.crc32)) : encodeCrc32(crc32)
})

/** What is told of a part or of a single PUT, where the store takes any. */
const told = (crc32: number, other: OtherChecksum | undefined) =>
  other ?? { algorithm: "CRC32" as const, value: encodeCrc32(crc32) }

export const checksumInput = ({ checksum }: Capabilities, crc32: number, other: OtherChecksum | undefined) =>
  checksum === "none" ? {} : checksumFields(told(crc32, other))

/** The checksum of an input as its header. */
export const checksumHeaders = (input: Input<"UploadPart">): Readonly<Record<string, string>> =>
  Object.fromEntries(
    algorithms.flatMap((algorithm) => {
      const value = input[checksumField[algorithm]]
      return value === undefined ? [] : [[`x-amz-checksum-${algorithm.toLowerCase()}`, value]]
    })
  )
