import { createCipheriv, createHash } from "node:crypto"

export const MiB = 1024 * 1024

/** Reproducible bytes that repeat nowhere: a misplaced, doubled or missing chunk changes their digest. */
export const pattern = (size: number, seed = 0): Uint8Array<ArrayBuffer> => {
  const iv = Buffer.alloc(16)
  iv.writeUInt32BE(seed)
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16), iv)
  const stream = cipher.update(Buffer.alloc(size))
  return new Uint8Array(stream.buffer, stream.byteOffset, stream.byteLength)
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/** Sizes from one byte to 3 MiB, none of which divides a part. */
const unevenSizes = [1, 3 * MiB, 2, 65_536, 1_000_003, 17, 262_145]

/** `bytes` in chunks of these sizes, over and over. */
export function* chunksOf(
  bytes: Uint8Array<ArrayBuffer>,
  sizes: ReadonlyArray<number> = unevenSizes
): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const chunk = bytes.subarray(at, at + (sizes[i % sizes.length] ?? 1))
    yield chunk
    at += chunk.length
  }
}

export const webStream = (chunks: Iterable<Uint8Array>): ReadableStream<Uint8Array> => {
  const iterator = chunks[Symbol.iterator]()
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const { done, value } = iterator.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    }
  })
}

export async function* generator(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks
}

/** An async iterable as a web stream: for `pipeThrough`. */
export const streamOf = (bytes: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array<ArrayBuffer>> => {
  const iterator = bytes[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: async (controller) => {
      const next = await iterator.next()
      if (next.done === true) controller.close()
      else controller.enqueue(Uint8Array.from(next.value))
    },
    cancel: async () => {
      await iterator.return?.()
    }
  })
}
