/**
 * One part's bytes from the source into slabs: a plain loop, one effect a part.
 *
 * @module
 */
import { crc32 } from "../Checksum.ts"
import { slabSize } from "../Defaults.ts"
import type { SourceReader } from "../Source.ts"
import { type SlabPool, slabsFor } from "./slab-pool.ts"

/** Bytes that wait to be sent. Give `slabs` back to the pool when the last attempt is over. */
export interface FilledPart {
  readonly slabs: ReadonlyArray<Uint8Array>
  /** Views on the slabs: exactly the part's bytes. */
  readonly slices: ReadonlyArray<Uint8Array>
  /** Bytes. */
  readonly size: number
  readonly crc32: number
  /** The source is known to have ended: no part follows. */
  readonly ended: boolean
}

/** `slabs` as views on the bytes from `from` to `to`. */
const view = (slabs: ReadonlyArray<Uint8Array>, from: number, to: number): ReadonlyArray<Uint8Array> => {
  const slices: Array<Uint8Array> = []
  for (let i = Math.floor(from / slabSize); i * slabSize < to; i++) {
    const slab = slabs[i]
    if (slab === undefined) break
    slices.push(slab.subarray(Math.max(0, from - i * slabSize), Math.min(slabSize, to - i * slabSize)))
  }
  return slices
}

/**
 * Reads up to `size` bytes. Slabs are taken as bytes arrive; a source whose bytes are there for the
 * asking takes them all at once and fills them in one read. The CRC is taken while the bytes are warm.
 *
 * On failure or abort every slab is back in the pool before the promise settles.
 */
export const fillPart = async (
  reader: SourceReader,
  pool: SlabPool,
  size: number,
  signal: AbortSignal
): Promise<FilledPart> => {
  const ticket = pool.open(size)
  const slabs: Array<Uint8Array> = []
  let filled = 0
  let crc = 0
  let ended = false
  try {
    const ahead = reader.eager ? slabsFor(size) : 1
    while (filled < size) {
      if (filled === slabs.length * slabSize) {
        const taken = ticket.take(ahead, signal)
        slabs.push(...(taken instanceof Promise ? await taken : taken))
      }
      const room = view(slabs, filled, Math.min(size, slabs.length * slabSize))
      const n = await reader.read(room, signal)
      signal.throwIfAborted()
      if (n === 0) {
        ended = true
        break
      }
      for (const slice of view(slabs, filled, filled + n)) crc = crc32(slice, crc)
      filled += n
    }
    // An eager read that came short has slabs to spare.
    const spare = slabs.splice(slabsFor(filled))
    if (spare.length > 0) pool.release(spare)
    return { slabs, slices: view(slabs, 0, filled), size: filled, crc32: crc, ended }
  } catch (cause) {
    pool.release(slabs)
    throw cause
  } finally {
    ticket.close()
  }
}
