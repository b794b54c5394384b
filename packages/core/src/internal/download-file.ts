/**
 * An object into a file: ranges in parallel, at their places, none of them fetched twice.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { combineCrc32 } from "../Checksum.ts"
import { MiB } from "../Limits.ts"
import type { DownloadedObject, DownloadRequest, ReadControl } from "../Objects.ts"
import { type DurableFiles, durableFiles } from "../platform/durable-files.ts"
import { openFile } from "../platform/file.ts"
import { type PartialFile, type PartialFiles, partialFiles } from "../platform/partial-file.ts"
import { type ChunkReader, type SourceReader, sourceFailed } from "../Source.ts"
import type { Proof } from "../StoredObject.ts"
import { invalidRequest, isUploadError, type UploadError, uploadError } from "../UploadError.ts"
import { type DownloadRecord, type FinishedRange, openDownloadRecord } from "./download-record.ts"
import { fileFailed, isDiskFull } from "./file-failed.ts"
import type { FilledPart } from "./fill-part.ts"
import { mendable } from "./keep-or-abort.ts"
import { madeBy } from "./made-by.ts"
import { missingRanges } from "./missing-ranges.ts"
import { type OpenObject, openObject, provenBy, type ReadEngine } from "./open-object.ts"
import { makePartMemory, type PartMemory } from "./part-memory.ts"
import type { Range } from "./plan-ranges.ts"
import { placeOf } from "./read-object.ts"
import { makeReadProgress, type ReadProgressTeller } from "./read-progress.ts"
import { SlabPool } from "./slab-pool.ts"

/** Bytes that are written at once. */
const block = MiB

/** The file, its record and what fills it. */
interface Download {
  readonly path: string
  readonly opened: OpenObject
  /** Where the wanted bytes begin. */
  readonly from: number
  readonly file: PartialFile
  readonly record: DownloadRecord
  readonly memory: PartMemory
  readonly progress: ReadProgressTeller
}

interface Files {
  readonly durable: DurableFiles
  readonly partial: PartialFiles
}

const filesOf = (): Effect.Effect<Files, UploadError> =>
  Effect.suspend(() => {
    const durable = durableFiles()
    const partial = partialFiles()
    return durable === undefined || partial === undefined
      ? Effect.fail(invalidRequest("this runtime has no files; read the object as a stream"))
      : Effect.succeed({ durable, partial })
  })

/** Work on files, not interrupted: when it is over, nothing of it is still written. */
const onDisk = <A>(path: string, work: () => Promise<A>): Effect.Effect<A, UploadError> =>
  Effect.uninterruptible(Effect.tryPromise({ try: work, catch: (cause) => fileFailed(path, cause) }))

/** A range of a file that was written before, read again: its CRC32, and its bytes to whoever wants them. */
const readBack = Effect.fnUntraced(function* (
  { memory, path }: Pick<Download, "memory" | "path">,
  range: Range,
  see: (part: FilledPart) => void
): Effect.fn.Return<{ readonly size: number; readonly crc32: number }, UploadError> {
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const reader = yield* openFile(path, range.offset)
      let crc = 0
      let size = 0
      while (size < range.size) {
        const part = yield* memory.fill(reader, Math.min(block, range.size - size))
        crc = combineCrc32(crc, part.crc32, part.size)
        size += part.size
        see(part)
        yield* memory.release(part)
        if (part.size === 0) break
      }
      return { size, crc32: crc }
    })
  )
})

/** Whether a finished range is still on disk as it was. What it is made of counts for the object's digest. */
const stillThere = Effect.fnUntraced(function* (
  download: Download,
  range: FinishedRange
): Effect.fn.Return<boolean, UploadError> {
  const { opened, progress } = download
  const found = yield* Effect.result(readBack(download, range, () => undefined))
  if (found._tag === "Failure" || found.success.size !== range.size || found.success.crc32 !== range.crc32) return false
  if (!opened.changed) {
    const tell = opened.witness.from(range.offset)
    yield* readBack(download, range, ({ slices }) => slices.forEach(tell))
  }
  progress.found(range.size)
  return true
})

/** The object's bytes as a reader; the scope ends it. */
const openBytes = (
  { opened, from }: Pick<Download, "opened" | "from">,
  offset: number,
  length: number | undefined
): Effect.Effect<SourceReader, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => opened.bytes.open(from + offset, length)[Symbol.asyncIterator]()),
      (bytes, exit) =>
        Effect.promise(async () => {
          // A plugin that waits for stored bytes takes notice of nothing else.
          if (Exit.isFailure(exit)) await opened.end()
          await bytes.return?.().catch(() => undefined)
        })
    ),
    (bytes): ChunkReader => ({ _tag: "Chunks", next: () => bytes.next(), rest: new Uint8Array(0) })
  )

/** Reads one range into its place, and records it. What it answers: how many bytes there were. */
const fetchRange = Effect.fnUntraced(function* (
  { file, memory, path, progress, record }: Download,
  reader: SourceReader,
  { offset, size }: Range
): Effect.fn.Return<number, UploadError> {
  let crc = 0
  let done = 0
  while (done < size) {
    const part = yield* memory.fill(reader, Math.min(block, size - done))
    const at = offset + done
    yield* onDisk(path, () => file.write(part.slices, at))
    crc = combineCrc32(crc, part.crc32, part.size)
    done += part.size
    progress.received(part.size)
    yield* memory.release(part)
    if (part.ended || part.size === 0) break
  }
  if (done > 0) yield* onDisk(path, () => record.add({ offset, size: done, crc32: crc }))
  return done
})

/** Stored bytes: each range by a request of its own. */
const fetchParallel = (
  download: Download,
  size: number,
  finished: ReadonlyArray<FinishedRange>,
  { options }: Pick<ReadEngine<never>, "options">
): Effect.Effect<number, UploadError> =>
  Effect.as(
    Effect.forEach(
      missingRanges(size, finished, options.partSize),
      (range) =>
        Effect.scoped(
          Effect.flatMap(openBytes(download, range.offset, range.size), (reader) => fetchRange(download, reader, range))
        ),
      { concurrency: options.concurrency, discard: true }
    ),
    size
  )

/** Bytes that plugins make: in order, because some can make them in no other. The stored ones are read ahead. */
const fetchInOrder = Effect.fnUntraced(function* (
  download: Download,
  size: number | undefined,
  finished: ReadonlyArray<FinishedRange>,
  { options }: Pick<ReadEngine<never>, "options">
): Effect.fn.Return<number, UploadError> {
  let at = 0
  for (const range of finished.toSorted((a, b) => a.offset - b.offset)) {
    if (range.offset <= at) at = Math.max(at, range.offset + range.size)
  }
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const reader = yield* openBytes(download, at, size === undefined ? undefined : size - at)
      while (size === undefined || at < size) {
        const most = Math.min(options.partSize, size === undefined ? Number.POSITIVE_INFINITY : size - at)
        const done = yield* fetchRange(download, reader, { offset: at, size: most })
        at += done
        if (done < most) return at
      }
      // The end itself is asked for: a plugin may have something to say there, or more.
      const more = yield* download.memory.fill(reader, 1)
      yield* download.memory.release(more)
      return at + more.size
    })
  )
})

const complete = (size: number | undefined, actual: number): Effect.Effect<void, UploadError> =>
  size === undefined || size === actual
    ? Effect.void
    : Effect.fail(uploadError({ _tag: "SizeMismatch", declared: size, actual }))

/** What the file's bytes show. A digest that must be taken in order is taken of the finished file. */
const prove = Effect.fnUntraced(function* (
  download: Download,
  size: number,
  whole: boolean
): Effect.fn.Return<Proof, UploadError> {
  const { changed, head, witness, anotherWitness } = download.opened
  const proof = yield* provenBy(witness, head)
  if (proof === "source" || changed || !whole) return proof
  const again = anotherWitness()
  const tell = again.from(0)
  yield* readBack(download, { offset: 0, size }, ({ slices }) => slices.forEach(tell))
  return yield* provenBy(again, head)
})

/** Whether what is on disk stays there for another run. */
const keeps = (exit: Exit.Exit<unknown, UploadError>, onFailure: DownloadRequest["onFailure"] = "auto"): boolean => {
  if (onFailure === "abort" || Exit.isSuccess(exit)) return false
  const failure = Exit.findErrorOption(exit)
  if (failure._tag === "None") return onFailure === "keep" && Cause.hasInterruptsOnly(exit.cause)
  const { reason, retry } = failure.value
  if (reason._tag === "ChecksumMismatch" || reason._tag === "PreconditionFailed" || isDiskFull(failure.value))
    return false
  return onFailure === "keep" || retry !== "permanent" || mendable.has(reason._tag)
}

/** See `Objects.download`. */
export const downloadFile = Effect.fnUntraced(function* <R>(
  engine: ReadEngine<R>,
  { key, onFailure, range, raw, to, versionId }: DownloadRequest,
  { onProgress }: ReadControl = {}
): Effect.fn.Return<DownloadedObject, UploadError, R | Scope.Scope> {
  const { durable, partial } = yield* filesOf()
  const progress = makeReadProgress(onProgress)
  const path = durable.absolute(to)
  const parts = `${path}.sluice-part`
  const recordPath = `${parts}.record`
  const whole = range === undefined
  const opened = yield* openObject(engine, key, { versionId, raw, whole, onRetry: progress.retried })
  const { bytes, changed, head } = opened
  const { length, offset: from } = yield* placeOf(range, bytes.size)
  progress.expect(length)

  const work = Effect.gen(function* () {
    const file = yield* Effect.acquireRelease(
      onDisk(path, () => partial.open(parts)),
      (file) => Effect.promise(() => file.close().catch(() => undefined))
    )
    const record = yield* onDisk(path, () =>
      openDownloadRecord(durable, recordPath, {
        format: 1,
        bucket: engine.store.bucket,
        key,
        etag: head.etag,
        versionId: head.versionId ?? null,
        size: head.size,
        offset: from,
        length: length ?? null,
        plugins: changed ? madeBy(head) : []
      })
    )
    const memory = yield* makePartMemory(yield* SlabPool)
    const download: Download = { path: parts, opened, from, file, record, memory, progress }
    const finished = yield* Effect.filter(record.finished, (one) => stillThere(download, one))
    const found = finished.reduce((sum, one) => sum + one.size, 0)
    const size =
      changed || length === undefined
        ? yield* fetchInOrder(download, length, finished, engine)
        : yield* fetchParallel(download, length, finished, engine)
    yield* complete(length, size)
    const proof = yield* prove(download, size, whole)
    yield* onDisk(path, () => file.seal(size))
    yield* onDisk(path, async () => {
      // Windows renames no file that is open.
      await file.close()
      await partial.replace(parts, path)
      await durable.syncDirectory(partial.directoryOf(path))
    })
    progress.ended()
    const { etag, versionId } = head
    return { bucket: engine.store.bucket, key, path, size, found, etag, versionId, proof }
  })

  return yield* Effect.scoped(work).pipe(
    Effect.mapError((error) => (isUploadError(error) ? error : sourceFailed(error))),
    Effect.onExit((exit) =>
      keeps(exit, onFailure)
        ? Effect.void
        : Effect.ignore(
            onDisk(path, async () => {
              await durable.remove(recordPath)
              if (Exit.isFailure(exit)) await durable.remove(parts)
            })
          )
    )
  )
}, Effect.scoped)
