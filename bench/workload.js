/**
 * The one workload that every client carries: what is sent, in what pieces, how many at once.
 *
 * @module
 */
import { createHash } from "node:crypto"
import { open, rm, statfs } from "node:fs/promises"
import { dirname } from "node:path"

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB

/** Bytes of a chunk of the stream workload. */
export const chunkSize = 64 * KiB
/** Bytes of a part, for every client whose own default is not the point of the row. */
export const partSize = 8 * MiB
/** Parts in flight. */
export const concurrency = 4

const units = new Map([
  ["", 1],
  ["KiB", KiB],
  ["MiB", MiB],
  ["GiB", GiB]
])

/**
 * Reads `4GiB`, `512MiB` or a number of bytes.
 *
 * @param {string} text
 * @returns {number} bytes, at least one
 */
export const parseSize = (text) => {
  const match = /^(\d+(?:\.\d+)?)\s*([KMG]iB|)$/.exec(text)
  const bytes = match === null ? 0 : Math.round(Number(match[1]) * (units.get(match[2] ?? "") ?? 0))
  if (bytes < 1) throw new Error(`--size ${text}: write a size as 4GiB, 512MiB or a number of bytes`)
  return bytes
}

/**
 * A source like a socket: every chunk is newly allocated and filled, none is ever reused.
 *
 * @param {number} size bytes
 */
export async function* freshChunks(size) {
  for (let sent = 0; sent < size; ) {
    const chunk = Buffer.allocUnsafeSlow(Math.min(chunkSize, size - sent)).fill((sent / chunkSize) & 255)
    sent += chunk.length
    yield chunk
  }
}

/** Each MiB of the file is filled with its own number, so its parts repeat after this many. */
const distinctParts = (256 * MiB) / partSize

/**
 * MD5s of the file workload's first parts in hex; they repeat in this order.
 *
 * @returns {string[]}
 */
export const filePartMd5s = () =>
  Array.from({ length: distinctParts }, (_, part) => {
    const hash = createHash("md5")
    const block = Buffer.alloc(MiB)
    for (let i = 0; i < partSize / MiB; i++) hash.update(block.fill((part * (partSize / MiB) + i) & 255))
    return hash.digest("hex")
  })

/**
 * Writes the file workload and syncs it, so that it lies in the page cache and no write-back runs during a measurement.
 *
 * @param {string} path
 * @param {number} size bytes
 */
export const writeFile = async (path, size) => {
  const { bavail, bsize } = await statfs(dirname(path))
  const free = bavail * bsize
  if (free < size + 256 * MiB) {
    throw new Error(
      `the benchmark's file needs ${Math.ceil(size / MiB) + 256} MiB in ${dirname(path)}, where ${Math.floor(free / MiB)} MiB are free; ` +
        "free some or choose a smaller --size"
    )
  }
  const block = Buffer.alloc(MiB)
  const file = await open(path, "w")
  try {
    for (let written = 0; written < size; ) {
      block.fill((written / MiB) & 255)
      written += (await file.write(block, 0, Math.min(MiB, size - written))).bytesWritten
    }
    await file.sync()
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
}
