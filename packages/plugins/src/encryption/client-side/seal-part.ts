/**
 * A part, sealed.
 *
 * @module
 */
import type { PartBytes } from "@sluice/core/Plugin"
import type { DataKey } from "./DataKey.ts"
import { type ChunkPlace, chunkSize, chunksIn } from "./Format.ts"

/** Chunks at a time: as many as threads of Node's pool, and no more memory than 4 MiB. */
const atOnce = 4

/**
 * Seals a part, into its salt and its chunks, under a salt that must never have been used with this key: the same nonces follow from the same salt.
 * The bytes are not needed any more when it settles.
 */
export const sealPart = async (
  dataKey: DataKey,
  salt: Uint8Array<ArrayBuffer>,
  { bytes, last, offset, partNumber }: PartBytes
): Promise<ReadonlyArray<Uint8Array>> => {
  const key = await dataKey.ofPart(partNumber, salt)
  const chunks = chunksIn(bytes.length)
  const sealed: Array<Uint8Array> = [salt]
  const seal = async (index: number): Promise<void> => {
    const lastOfPart = index === chunks - 1
    const place: ChunkPlace = {
      partNumber,
      index,
      lastOfPart,
      end: last && lastOfPart ? { parts: partNumber, size: offset + bytes.length } : undefined
    }
    const plain = bytes.subarray(index * chunkSize, (index + 1) * chunkSize)
    sealed[index + 1] = await key.seal(place, plain)
  }
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < chunks) await seal(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return sealed
}
