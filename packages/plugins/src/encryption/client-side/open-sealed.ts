/**
 * A sealed object as its plain bytes, at any place.
 *
 * @module
 */
import type { ReadableBytes } from "@sluice/core/Plugin"
import { type UploadError, uploadError } from "@sluice/core/UploadError"
import type { DataKey, PartKey } from "./DataKey.ts"
import { type ChunkPlace, chunkSize, chunksIn, type SealedPart, saltSize, tagSize } from "./Format.ts"

/** Chunks that are opened while the reader has its bytes: one is there when it asks. More only hold memory. */
const ahead = 2

/** What the store has is not what was sealed. */
export const notSealed = (what: string): UploadError =>
  uploadError({
    _tag: "ChecksumMismatch",
    message: `${what} is not what was sealed: it was changed, cut, moved, or sealed with another key`
  })

/** Bytes in exact pieces, each valid until the next is taken. */
const inPieces = (bytes: AsyncIterable<Uint8Array>) => {
  const iterator = bytes[Symbol.asyncIterator]()
  let memory = new Uint8Array(0)
  let rest: Uint8Array = memory
  return {
    take: async (size: number): Promise<Uint8Array<ArrayBuffer>> => {
      if (memory.length < size) memory = new Uint8Array(size)
      for (let filled = 0; filled < size; ) {
        if (rest.length === 0) {
          const { done, value } = await iterator.next()
          if (done === true) throw notSealed("the object's end")
          rest = value
          continue
        }
        const some = rest.subarray(0, size - filled)
        memory.set(some, filled)
        filled += some.length
        rest = rest.subarray(some.length)
      }
      return memory.subarray(0, size)
    },
    end: async (): Promise<void> => {
      await iterator.return?.()
    }
  }
}

const once = async (below: ReadableBytes, offset: number, size: number): Promise<Uint8Array<ArrayBuffer>> => {
  const pieces = inPieces(below.open(offset, size))
  try {
    return await pieces.take(size)
  } finally {
    await pieces.end()
  }
}

/** A run of chunks of one part. */
interface Chunks {
  readonly part: SealedPart
  readonly first: number
  /** Inclusive. */
  readonly last: number
}

/** The chunks that hold plain bytes `from` to `to` (exclusive), part by part. */
const chunksFor = (parts: ReadonlyArray<SealedPart>, from: number, to: number): ReadonlyArray<Chunks> =>
  parts
    .filter(({ offset, size }) => offset < to && offset + size > from)
    .map((part) => ({
      part,
      first: Math.floor(Math.max(0, from - part.offset) / chunkSize),
      last: Math.floor((Math.min(part.size, to - part.offset) - 1) / chunkSize)
    }))

/**
 * The plain bytes. A range opens the chunks that it touches, each at its place; only what reaches the object's last
 * byte shows that the object ends there. An object without bytes is opened too: that it has none is sealed.
 */
export const openSealed = (dataKey: DataKey, parts: ReadonlyArray<SealedPart>, below: ReadableBytes): ReadableBytes => {
  const lastPart = parts.at(-1)
  const size = lastPart === undefined ? 0 : lastPart.offset + lastPart.size

  const placeOf = ({ partNumber, size: partSize }: SealedPart, index: number): ChunkPlace => {
    const lastOfPart = index === chunksIn(partSize) - 1
    const end = lastOfPart && partNumber === parts.length ? { parts: parts.length, size } : undefined
    return { partNumber, index, lastOfPart, end }
  }
  const plainLength = (part: SealedPart, index: number): number => Math.min(chunkSize, part.size - index * chunkSize)
  const storedAt = (part: SealedPart, index: number): number =>
    part.storedOffset + saltSize + index * (chunkSize + tagSize)

  const openChunk = (
    key: PartKey,
    part: SealedPart,
    index: number,
    sealed: Uint8Array
  ): Promise<Uint8Array<ArrayBuffer>> =>
    key.open(placeOf(part, index), sealed).catch(() => {
      throw notSealed(`chunk ${index + 1} of part ${part.partNumber}`)
    })

  async function* read(from: number, to: number): AsyncGenerator<Uint8Array> {
    const runs =
      size === 0 && lastPart !== undefined ? [{ part: lastPart, first: 0, last: 0 }] : chunksFor(parts, from, to)
    const [begin] = runs
    const finish = runs.at(-1)
    if (begin === undefined || finish === undefined) return
    // The salt stands at the part's start; a range that begins further on asks for it by itself.
    const salt = begin.first === 0 ? undefined : await once(below, begin.part.storedOffset, saltSize)
    const start = salt === undefined ? begin.part.storedOffset : storedAt(begin.part, begin.first)
    const stop = storedAt(finish.part, finish.last) + plainLength(finish.part, finish.last) + tagSize
    const pieces = inPieces(below.open(start, stop - start))
    const opening: Array<Promise<Uint8Array<ArrayBuffer>>> = []
    try {
      for (const { part, first, last } of runs) {
        const key = await dataKey.ofPart(
          part.partNumber,
          first === 0 ? await pieces.take(saltSize) : (salt ?? new Uint8Array(0))
        )
        for (let index = first; index <= last; index++) {
          const opened = openChunk(key, part, index, await pieces.take(plainLength(part, index) + tagSize)).then(
            (plain) => {
              const at = part.offset + index * chunkSize
              return plain.subarray(Math.max(0, from - at), Math.min(plain.length, to - at))
            }
          )
          // It is awaited in its turn; until then its failure is nobody's.
          opened.catch(() => undefined)
          opening.push(opened)
          if (opening.length === ahead) yield* lend(await opening.shift())
        }
      }
      for (const opened of opening) yield* lend(await opened)
    } finally {
      await pieces.end()
    }
  }
  return {
    size,
    open: (offset, length) => read(offset, length === undefined ? size : Math.min(size, offset + length))
  }
}

/** A chunk until the next is asked for. Its memory is free then, and not when V8 gets to it. */
function* lend(bytes: Uint8Array<ArrayBuffer> | undefined): Generator<Uint8Array> {
  if (bytes === undefined) return
  if (bytes.length > 0) yield bytes
  bytes.buffer.transfer(0)
}
