import { createHash, randomUUID } from "node:crypto"
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, unlink } from "node:fs/promises"
import { join } from "node:path"
import * as Schema from "effect/Schema"
import { recordName, S3Record } from "../Records.ts"
import { lockDirectory } from "./lock-directory.ts"
import type { BlobWriter, S3Store } from "./S3Store.ts"

const BLOCK_BYTES = 1024 * 1024
const READ_BYTES = 256 * 1024

const Json = Schema.fromJsonString(S3Record)
const decodeRecord = Schema.decodeUnknownSync(Json)
const encodeRecord = Schema.encodeSync(Json)

/**
 * Keeps everything under a directory of its own, one process at a time. Blobs and records are written to a temporary
 * name, fsynced, renamed, and their directory fsynced: whatever was answered survives a SIGKILL or a power cut, and
 * whatever was not leaves no trace after the next `open`.
 */
export function diskStore(directory: string): S3Store {
  const blobs = join(directory, "blobs")
  const records = join(directory, "records")
  const temporary = join(directory, "tmp")
  const blobPath = (blob: string) => join(blobs, blob)
  // A key may be longer than a file name may be.
  const recordPath = (record: S3Record) =>
    join(records, `${createHash("sha256").update(recordName(record)).digest("hex")}.json`)
  let unlock = async () => {}

  return {
    async open() {
      for (const path of [blobs, records]) await mkdir(path, { recursive: true })
      unlock = await lockDirectory(directory)
      await rm(temporary, { recursive: true, force: true })
      await mkdir(temporary)
      const loaded: Array<S3Record> = []
      for (const name of await readdir(records)) loaded.push(await readRecord(join(records, name)))
      const named = new Set(
        loaded.flatMap((record) => ("segments" in record ? record.segments : [])).map((s) => s.blob)
      )
      for (const blob of await readdir(blobs)) if (!named.has(blob)) await unlink(blobPath(blob))
      return loaded
    },

    async save(record) {
      const file = await createTemporary(temporary)
      await file.write(Buffer.from(encodeRecord(record)))
      await file.moveTo(recordPath(record), records)
    },

    async remove(removed) {
      if (removed.length === 0) return
      for (const record of removed) await rm(recordPath(record), { force: true })
      await syncDirectory(records)
    },

    async writeBlob() {
      const name = randomUUID()
      const file = await createTemporary(temporary)
      return blobWriter(file, async () => {
        await file.moveTo(blobPath(name), blobs)
        return name
      })
    },

    async *readBlob(blob, offset, length) {
      const file = await open(blobPath(blob))
      try {
        for (let at = offset; at < offset + length; ) {
          const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, offset + length - at))
          const { bytesRead } = await file.read(buffer, 0, buffer.length, at)
          if (bytesRead === 0) throw new Error(`blob ${blob} is shorter than ${offset + length} B`)
          at += bytesRead
          yield buffer.subarray(0, bytesRead)
        }
      } finally {
        await file.close()
      }
    },

    forgetBlob: (blob) => rm(blobPath(blob), { force: true }),
    close: () => unlock()
  }
}

async function readRecord(path: string): Promise<S3Record> {
  const text = await readFile(path, "utf8")
  try {
    return decodeRecord(text)
  } catch (cause) {
    throw new Error(`${path} is damaged, or was written by another version of this store`, { cause })
  }
}

/** Gathers what is written into blocks, so that small chunks do not become small writes. */
function blobWriter(file: TemporaryFile, commit: () => Promise<string>): BlobWriter {
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  let used = 0
  const flush = async () => {
    await file.write(block.subarray(0, used))
    used = 0
  }
  return {
    async write(chunk) {
      for (let at = 0; at < chunk.length; ) {
        const taken = chunk.subarray(at, at + BLOCK_BYTES - used)
        block.set(taken, used)
        used += taken.length
        at += taken.length
        if (used === BLOCK_BYTES) await flush()
      }
    },
    async commit() {
      await flush()
      return commit()
    },
    abort: () => file.discard()
  }
}

interface TemporaryFile {
  write(bytes: Uint8Array): Promise<void>
  moveTo(path: string, directory: string): Promise<void>
  discard(): Promise<void>
}

/** A file nobody sees until it is moved, and which is gone if anything fails before. */
async function createTemporary(temporary: string): Promise<TemporaryFile> {
  const path = join(temporary, randomUUID())
  const file = await open(path, "wx")
  const discard = async () => {
    await file.close()
    await rm(path, { force: true })
  }
  const orDiscard = async (step: Promise<unknown>) => {
    try {
      await step
    } catch (error) {
      await discard()
      throw error
    }
  }
  return {
    write: (bytes) => writeAll(file, bytes),
    async moveTo(target, directory) {
      await orDiscard(file.sync())
      await file.close()
      await orDiscard(rename(path, target))
      await syncDirectory(directory)
    },
    discard
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten
}

/** Makes renames and removals in a directory durable. Windows has no such call, and journals them by itself. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return
  const handle = await open(directory, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
