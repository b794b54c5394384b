/**
 * gzip and zstd as streams of bytes: by the runtime's zlib where it has one, by the web's own streams elsewhere.
 *
 * @module
 */
import type { Transform } from "node:stream"

export type Algorithm = "gzip" | "zstd"

type Bytes = AsyncIterable<Uint8Array>

/** Bytes that a compressor is given at once. What it makes of them may depend on it, so it is always the same. */
const blockSize = 64 * 1024

const { process } = globalThis
const zlib = process?.getBuiltinModule?.("node:zlib")
const nodeStream = process?.getBuiltinModule?.("node:stream")

/** Whether this runtime has the algorithm: gzip everywhere, zstd on Node 22.15 and later and where zlib is like its own. */
export const hasAlgorithm = (algorithm: Algorithm): boolean =>
  algorithm === "gzip" || (nodeStream !== undefined && typeof zlib?.createZstdCompress === "function")

/**
 * What compresses here. Another version may make other bytes of the same ones, and then nothing that was sent
 * before a restart fits what comes after it.
 */
export const codecVersion = (algorithm: Algorithm): string => {
  const versions: Readonly<Record<string, string | undefined>> = process?.versions ?? {}
  if (zlib === undefined || nodeStream === undefined) return "web"
  return `${algorithm} ${versions[algorithm === "gzip" ? "zlib" : "zstd"] ?? versions["bun"] ?? versions["deno"] ?? "?"}`
}

/** A chunk is valid until the next is asked for: with room for none, a stream asks when it is done with the last. */
const oneByOne = { writableHighWaterMark: 1 }

/** Bytes through a transformation of Node's; what the source fails with comes out as it was. */
async function* throughNode(
  { pipeline }: typeof import("node:stream"),
  bytes: Bytes,
  transform: Transform
): AsyncGenerator<Uint8Array> {
  // Whoever reads hears of every error; the callback is there because pipeline wants one.
  pipeline(bytes, transform, () => undefined)
  yield* transform
}

/** A chunk is valid until the next is asked for, and streams ask ahead. */
async function* copies(bytes: Bytes): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const chunk of bytes) if (chunk.length > 0) yield new Uint8Array(chunk)
}

/** Bytes through a transformation of the web's. */
async function* throughWeb(
  bytes: Bytes,
  transform: CompressionStream | DecompressionStream
): AsyncGenerator<Uint8Array> {
  const iterator = copies(bytes)
  let broken: { readonly cause: unknown } | undefined
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await iterator.next()
          if (done === true) controller.close()
          else controller.enqueue(value)
        } catch (cause) {
          broken = { cause }
          throw cause
        }
      },
      cancel: async () => {
        await iterator.return(undefined)
      }
    },
    { highWaterMark: 0 }
  )
  try {
    yield* source.pipeThrough(transform)
  } catch (cause) {
    throw broken === undefined ? cause : broken.cause
  }
}

/** The same bytes in blocks of one size, the last with what is left. */
export async function* inBlocks(bytes: Bytes): AsyncGenerator<Uint8Array> {
  let block = new Uint8Array(blockSize)
  let filled = 0
  for await (const chunk of bytes) {
    for (let taken = 0; taken < chunk.length; ) {
      const piece = chunk.subarray(taken, taken + blockSize - filled)
      block.set(piece, filled)
      filled += piece.length
      taken += piece.length
      if (filled === blockSize) {
        yield block
        block = new Uint8Array(blockSize)
        filled = 0
      }
    }
  }
  if (filled > 0) yield block.subarray(0, filled)
}

/** Compressed; the same bytes for the same bytes, however they are cut. */
export const compress = (bytes: Bytes, algorithm: Algorithm, level: number | undefined): AsyncGenerator<Uint8Array> => {
  const blocks = inBlocks(bytes)
  if (zlib === undefined || nodeStream === undefined) return throughWeb(blocks, new CompressionStream("gzip"))
  if (algorithm === "gzip") {
    return throughNode(nodeStream, blocks, zlib.createGzip({ ...oneByOne, ...(level === undefined ? {} : { level }) }))
  }
  const { ZSTD_c_checksumFlag, ZSTD_c_compressionLevel } = zlib.constants
  const params = { [ZSTD_c_checksumFlag]: 1, ...(level === undefined ? {} : { [ZSTD_c_compressionLevel]: level }) }
  return throughNode(nodeStream, blocks, zlib.createZstdCompress({ ...oneByOne, params }))
}

/** Decompressed; throws where the bytes are none of the algorithm, or their own checksum is another. */
export const decompress = (bytes: Bytes, algorithm: Algorithm): AsyncGenerator<Uint8Array> => {
  if (zlib === undefined || nodeStream === undefined) return throughWeb(bytes, new DecompressionStream("gzip"))
  const options = { ...oneByOne, chunkSize: blockSize }
  return throughNode(
    nodeStream,
    bytes,
    algorithm === "gzip" ? zlib.createGunzip(options) : zlib.createZstdDecompress(options)
  )
}
