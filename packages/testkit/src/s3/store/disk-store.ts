import { createHash, randomUUID } from "node:crypto"
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, unlink } from "node:fs/promises"
import { join } from "node:path"
import * as Schema from "effect/Schema"
import { recordName, S3Record } from "../Records.ts"
import { lockDirectory } from "./lock-directory.ts"
import type { BlobWriter, S3Store } from "./S3Store.ts"
import { sharedRun } from "./shared-run.ts"

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
  // Many small objects at a time: one sync makes the names of all of them durable.
  const syncBlobs = sharedRun(() => syncDirectory(blobs))
  const syncRecords = sharedRun(() => syncDirectory(records))
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
      await file.moveTo(recordPath(record), syncRecords)
    },

    async remove(removed) {
      if (removed.length === 0) return
      for (const record of removed) await rm(recordPath(record), { force: true })
      await syncRecords()
    },

    async writeBlob() {
      const name = randomUUID()
      const file = await createTemporary(temporary)
      return blobWriter(file, async () => {
        await file.moveTo(blobPath(name), syncBlobs)
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

/**
 * Gathers what is written into blocks, so that small chunks do not become small writes. A block is no larger than what
 * came: with one of full size for each small object, half of the server's time went into collecting garbage.
 */
function blobWriter(file: TemporaryFile, commit: () => Promise<string>): BlobWriter {
  let block = Buffer.alloc(0)
  let used = 0
  const makeRoom = (bytes: number) => {
    if (used + bytes <= block.length || block.length === BLOCK_BYTES) return
    const larger = Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, Math.max(used + bytes, 2 * block.length)))
    block.copy(larger, 0, 0, used)
    block = larger
  }
  const flush = async () => {
    await file.write(block.subarray(0, used))
    used = 0
  }
  return {
    async write(chunk) {
      makeRoom(chunk.length)
      for (let at = 0; at < chunk.length; ) {
        const taken = chunk.subarray(at, at + block.length - used)
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
  /** Durable with its name when `syncNames` has run. */
  moveTo(path: string, syncNames: () => Promise<void>): Promise<void>
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
    async moveTo(target, syncNames) {
      await orDiscard(file.sync())
      await file.close()
      await orDiscard(rename(path, target))
      await syncNames()
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
