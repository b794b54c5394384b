import { randomUUID } from "node:crypto"
import type { BlobWriter, S3Store } from "./S3Store.ts"

const BLOCK_BYTES = 256 * 1024

/** Keeps everything in this process's memory, gone with it. */
export function memoryStore(): S3Store {
  const blobs = new Map<string, ReadonlyArray<Uint8Array>>()
  return {
    open: async () => [],
    save: async () => {},
    remove: async () => {},
    writeBlob: async () => blobWriter(blobs),
    async *readBlob(blob, offset, length) {
      const blocks = blobs.get(blob)
      if (blocks === undefined) throw new Error(`blob ${blob} is gone`)
      for (let at = offset; at < offset + length; ) {
        const start = at % BLOCK_BYTES
        const chunk = blocks[Math.floor(at / BLOCK_BYTES)]?.subarray(start, start + offset + length - at)
        if (chunk === undefined || chunk.length === 0)
          throw new Error(`blob ${blob} is shorter than ${offset + length} B`)
        at += chunk.length
        yield chunk
      }
    },
    forgetBlob: async (blob) => void blobs.delete(blob),
    close: async () => blobs.clear()
  }
}

/** Copies into blocks of one size: callers may reuse their chunks, and an offset finds its block by division. */
function blobWriter(blobs: Map<string, ReadonlyArray<Uint8Array>>): BlobWriter {
  const blocks: Array<Uint8Array> = []
  let block = new Uint8Array(0)
  let used = 0
  return {
    async write(chunk) {
      for (let at = 0; at < chunk.length; ) {
        if (used === block.length) {
          block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
          used = 0
          blocks.push(block)
        }
        const taken = chunk.subarray(at, at + block.length - used)
        block.set(taken, used)
        used += taken.length
        at += taken.length
      }
    },
    async commit() {
      if (used < block.length) blocks.splice(-1, 1, block.slice(0, used))
      const name = randomUUID()
      blobs.set(name, blocks)
      return name
    },
    abort: async () => void blocks.splice(0)
  }
}
