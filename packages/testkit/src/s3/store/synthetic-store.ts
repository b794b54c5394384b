import { randomUUID } from "node:crypto"
import { crc32 } from "node:zlib"
import { memoryStore } from "./memory-store.ts"
import type { BlobWriter, S3Store } from "./S3Store.ts"
import {
  isSynthetic,
  LOCATABLE_BYTES,
  locateSynthetic,
  type SyntheticPlace,
  syntheticBytes
} from "./synthetic-bytes.ts"

/** Blobs up to this size are kept as they are: settings, manifests, probes. */
const SMALL_BYTES = 64 * 1024
const READ_BYTES = 256 * 1024

interface Blob {
  readonly length: number
  readonly crc32: number
  /** Of a small blob. */
  readonly bytes: Uint8Array | undefined
  /** Of a synthetic one. */
  readonly place: SyntheticPlace | undefined
}

/**
 * Keeps no bytes: of a body that is a run of `syntheticBytes` only where it is from, of any other above 64 KiB only its
 * length and CRC32. Uploads of terabytes fit; everything is checked and answered as by any other store, and synthetic
 * objects read back byte by byte. Reading what was not kept is an error that says so.
 */
export function syntheticStore(): S3Store {
  const blobs = new Map<string, Blob>()
  return {
    ...memoryStore(),
    writeBlob: async () =>
      blobWriter((blob) => {
        const name = randomUUID()
        blobs.set(name, blob)
        return name
      }),
    async *readBlob(name, offset, length) {
      const blob = blobs.get(name)
      if (blob === undefined) throw new Error(`blob ${name} is gone`)
      if (offset + length > blob.length) throw new Error(`blob ${name} is shorter than ${offset + length} B`)
      for (let at = offset; at < offset + length; at += READ_BYTES) {
        yield bytesOf(blob, at, Math.min(READ_BYTES, offset + length - at))
      }
    },
    forgetBlob: async (name) => void blobs.delete(name),
    close: async () => blobs.clear()
  }
}

function bytesOf({ bytes, place, length, crc32 }: Blob, at: number, count: number): Uint8Array {
  if (bytes !== undefined) return bytes.subarray(at, at + count)
  if (place !== undefined) return syntheticBytes(place.seed, place.offset + at, count)
  throw new Error(
    `the bytes of this object (${length} B, CRC32 ${crc32.toString(16).padStart(8, "0")}) were not kept: they are no syntheticBytes`
  )
}

/** Where a body is from is sought once, when it is too large to be kept, and is lost with the first byte that differs. */
function blobWriter(keep: (blob: Blob) => string): BlobWriter {
  let head: Array<Uint8Array> | undefined = []
  let place: SyntheticPlace | undefined
  let length = 0
  let crc = 0
  const compare = (bytes: Uint8Array, at: number) => {
    if (place !== undefined && !isSynthetic({ ...place, offset: place.offset + at }, bytes)) place = undefined
  }
  return {
    async write(chunk) {
      crc = crc32(chunk, crc)
      if (head === undefined) compare(chunk, length)
      length += chunk.length
      head?.push(new Uint8Array(chunk))
      if (head === undefined || length <= SMALL_BYTES) return
      const bytes = Buffer.concat(head)
      head = undefined
      place = locateSynthetic(bytes.subarray(0, LOCATABLE_BYTES))
      compare(bytes, 0)
    },
    commit: async () => keep({ length, crc32: crc, place, bytes: head && Buffer.concat(head) }),
    abort: async () => {
      head = undefined
    }
  }
}
