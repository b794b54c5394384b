/**
 * One part's bytes from the source into slabs: a plain loop, one effect a part.
 *
 * @module
 */
import { crc32 } from "../Checksum.ts"
import type { PartBody } from "../ObjectStore.ts"
import { collectYoung } from "../platform/collect-young.ts"
import { type ChunkReader, kindOf, type PositionalReader, type SourceReader } from "../Source.ts"
import { type UploadError, uploadError } from "../UploadError.ts"
import { viewOf } from "./slab-blocks.ts"
import { type SlabShare, slabsFor } from "./slab-pool.ts"

/** Bytes that wait to be sent. Give `slabs` back to the pool when the last attempt is over. */
export interface FilledPart {
  readonly slabs: ReadonlyArray<Uint8Array>
  /** Views on the slabs: exactly the part's bytes, in as few slices as their memory allows. */
  readonly slices: ReadonlyArray<Uint8Array>
  /** Bytes. */
  readonly size: number
  readonly crc32: number
  /** The source is known to have ended: no part follows. */
  readonly ended: boolean
  /** Set for a part that is not in memory: its bytes, once more. There are no slabs and no slices then. */
  readonly open?: PartBody["open"]
}

export const noBytes = (value: unknown): UploadError =>
  uploadError({
    _tag: "SourceFailed",
    message: `the source gave ${kindOf(value)} instead of bytes; encode it to Uint8Array first`
  })

/** What a fill has so far. */
interface Filling {
  readonly slabs: Array<Uint8Array>
  filled: number
  crc: number
  ended: boolean
  /** Set when the fill was given up: whatever arrives later is left alone. */
  over: boolean
}

type Take = (count: number) => ReadonlyArray<Uint8Array> | Promise<ReadonlyArray<Uint8Array>>

/** All slabs at once, filled in as few reads as the source allows. */
const fillPositional = async (reader: PositionalReader, size: number, fill: Filling, take: Take): Promise<void> => {
  fill.slabs.push(...(await take(slabsFor(size))))
  while (fill.filled < size) {
    const n = await reader.read(viewOf(fill.slabs, fill.filled, size))
    if (fill.over) return
    if (n === 0) {
      fill.ended = true
      return
    }
    for (const slice of viewOf(fill.slabs, fill.filled, fill.filled + n)) fill.crc = crc32(slice, fill.crc)
    fill.filled += n
  }
}

/** A slab when bytes are there for it. Chunks are copied whole where they fit: no view, no listener a chunk. */
const fillChunks = async (reader: ChunkReader, size: number, fill: Filling, take: Take): Promise<void> => {
  let slab: Uint8Array | undefined
  // Bytes in `slab`, and what it may hold of this part.
  let inSlab = 0
  let room = 0
  // Bytes in chunks that have memory of their own: garbage once they are copied.
  let fresh = 0
  let memory: ArrayBufferLike | undefined
  const closeSlab = (): void => {
    // One CRC call a slab, not one a chunk: small chunks would pay for the calls.
    if (slab !== undefined) fill.crc = crc32(inSlab === slab.length ? slab : slab.subarray(0, inSlab), fill.crc)
    slab = undefined
    collectYoung(fresh)
    fresh = 0
  }
  while (fill.filled < size) {
    let chunk = reader.rest
    if (chunk.length === 0) {
      const { done, value } = await reader.next()
      if (fill.over) return
      if (done === true) {
        fill.ended = true
        break
      }
      if (!(value instanceof Uint8Array)) throw noBytes(value)
      chunk = value
      reader.rest = chunk
      if (chunk.length === 0) continue
      if (chunk.buffer !== memory) {
        memory = chunk.buffer
        fresh += chunk.length
      }
    }
    if (slab === undefined) {
      const taken = take(1)
      slab = (taken instanceof Promise ? await taken : taken)[0]
      if (slab === undefined) return
      fill.slabs.push(slab)
      if (fill.over) return
      inSlab = 0
      room = Math.min(slab.length, size - fill.filled)
    }
    const n = Math.min(chunk.length, room - inSlab)
    slab.set(n === chunk.length ? chunk : chunk.subarray(0, n), inSlab)
    reader.rest = n === chunk.length ? nothing : chunk.subarray(n)
    inSlab += n
    fill.filled += n
    if (inSlab === room) closeSlab()
  }
  closeSlab()
}

const nothing = new Uint8Array(0)

const givenUp = (): DOMException => new DOMException("the fill was given up", "AbortError")

/**
 * Reads up to `size` bytes. The CRC is taken while the bytes are warm. On failure and on abort every slab
 * is back in the pool when the promise settles, and nothing is written into it any more.
 */
export const fillPart = (
  reader: SourceReader,
  share: SlabShare,
  size: number,
  signal: AbortSignal
): Promise<FilledPart> => {
  // Before anything is asked of the source: a chunk that nobody awaits would reject unhandled.
  if (signal.aborted) return Promise.reject(givenUp())
  const ticket = share.open(size)
  const fill: Filling = { slabs: [], filled: 0, crc: 0, ended: false, over: false }
  const take: Take = (count) => ticket.take(count, signal)
  const work =
    reader._tag === "Positional" ? fillPositional(reader, size, fill, take) : fillChunks(reader, size, fill, take)

  const giveBack = (): void => {
    fill.over = true
    ticket.close()
    share.release(fill.slabs.splice(0))
  }
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      fill.over = true
      const end = (): void => {
        giveBack()
        reject(givenUp())
      }
      // A positional read writes into our slabs and ends soon: wait for it. A chunk may never come: do not.
      if (reader._tag === "Positional") work.then(end, end)
      else end()
    }
    signal.addEventListener("abort", onAbort, { once: true })
    work.then(
      () => {
        // Given up meanwhile: a slab may have been granted since.
        if (fill.over) return giveBack()
        signal.removeEventListener("abort", onAbort)
        ticket.close()
        // A source that ended early has slabs to spare.
        const spare = fill.slabs.splice(slabsFor(fill.filled))
        if (spare.length > 0) share.release(spare)
        const { slabs, filled, crc, ended } = fill
        resolve({ slabs, slices: viewOf(slabs, 0, filled), size: filled, crc32: crc, ended })
      },
      (cause) => {
        if (fill.over) return giveBack()
        signal.removeEventListener("abort", onAbort)
        giveBack()
        reject(cause)
      }
    )
  })
}
