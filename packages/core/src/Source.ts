/**
 * Bytes to store, with what is known about them beforehand.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { openFile, statFile } from "./platform/file.ts"
import { invalidRequest, isUploadError, type UploadError, uploadError } from "./UploadError.ts"

/** What tells two sources apart when an upload is resumed. */
export interface SourceIdentity {
  readonly name?: string | undefined
  /** Milliseconds since the epoch. */
  readonly modifiedMs?: number | undefined
  readonly inode?: string | undefined
}

/** An open source: pulled by the engine, a part at a time. */
export interface SourceReader {
  /** True where bytes are there for the asking (files, memory): a whole part is read in one call. */
  readonly eager: boolean
  /**
   * Fills the slices in order from the start of the first and returns how many bytes came; 0 means the
   * end. May return fewer than asked. One call at a time. Settles soon after `signal` aborts, and
   * writes nothing into the slices after it has settled.
   */
  readonly read: (into: ReadonlyArray<Uint8Array>, signal: AbortSignal) => Promise<number>
}

/** Bytes to store. */
export interface Source {
  /** Bytes, when known. A source that gives more or fewer fails the upload with `SizeMismatch`. */
  readonly size: number | undefined
  /** Whether `open` may be called again, at any offset, with the same bytes. */
  readonly replayable: boolean
  /** File or Blob name, for the content type. */
  readonly name: string | undefined
  /** Media type, when the source knows it (a Blob does). */
  readonly contentType: string | undefined
  readonly identity: SourceIdentity | undefined
  /** Opens at `offset` bytes (0 unless replayable); the scope closes it. */
  readonly open: (offset: number) => Effect.Effect<SourceReader, UploadError, Scope.Scope>
}

const sourceFailed = (cause: unknown): UploadError =>
  isUploadError(cause)
    ? cause
    : uploadError(
        {
          _tag: "SourceFailed",
          message: `the source failed: ${cause instanceof Error ? cause.message : String(cause)}`,
          cause
        },
        { cause }
      )

/** Copies `from` into the slices in order and returns how many bytes fitted. */
const scatter = (from: Uint8Array, into: ReadonlyArray<Uint8Array>): number => {
  let done = 0
  for (const slice of into) {
    if (done === from.length) break
    const piece = from.subarray(done, done + slice.length)
    slice.set(piece)
    done += piece.length
  }
  return done
}

/** Bytes in memory. They must not change until the upload has ended. */
export const fromBytes = (bytes: Uint8Array, options: { readonly name?: string } = {}): Source => ({
  size: bytes.byteLength,
  replayable: true,
  name: options.name,
  contentType: undefined,
  identity: undefined,
  open: (offset) =>
    Effect.sync(() => {
      let position = offset
      return {
        eager: true,
        read: (into) => {
          const n = scatter(bytes.subarray(position), into)
          position += n
          return Promise.resolve(n)
        }
      }
    })
})

/** Text, stored as UTF-8. */
export const text = (value: string, options: { readonly name?: string } = {}): Source => ({
  ...fromBytes(new TextEncoder().encode(value), options),
  contentType: "text/plain; charset=utf-8"
})

/** A Blob or File: known size, replayable. */
export const fromBlob = (blob: Blob): Source => {
  const name = "name" in blob && typeof blob.name === "string" ? blob.name : undefined
  const modifiedMs = "lastModified" in blob && typeof blob.lastModified === "number" ? blob.lastModified : undefined
  return {
    size: blob.size,
    replayable: true,
    name,
    contentType: blob.type === "" ? undefined : blob.type,
    identity: { name, modifiedMs },
    open: (offset) => openReadable(() => (offset === 0 ? blob : blob.slice(offset)).stream())
  }
}

/**
 * A file on disk, by path. Size and identity are read now; a file that is missing, unreadable or no
 * regular file fails the upload with `SourceFailed` before anything is sent.
 */
export const file = (path: string): Source => {
  const stat = statFile(path)
  if (isUploadError(stat)) {
    return {
      size: undefined,
      replayable: false,
      name: undefined,
      contentType: undefined,
      identity: undefined,
      open: () => Effect.fail(stat)
    }
  }
  return {
    size: stat.size,
    replayable: true,
    name: stat.name,
    contentType: undefined,
    identity: { name: stat.name, modifiedMs: stat.modifiedMs, inode: stat.inode },
    open: (offset) => openFile(path, offset)
  }
}

/** What a one-shot source may say about itself. */
export interface StreamOptions {
  /** Bytes, when known beforehand; checked against what really comes. */
  readonly size?: number | undefined
  readonly name?: string | undefined
  readonly contentType?: string | undefined
}

const oneShot = (open: () => Effect.Effect<SourceReader, UploadError, Scope.Scope>, options: StreamOptions): Source => {
  let opened = false
  return {
    size: options.size,
    replayable: false,
    name: options.name,
    contentType: options.contentType,
    identity: undefined,
    open: () =>
      Effect.suspend(() => {
        if (opened) return Effect.fail(invalidRequest("this stream was read before; make a new one for each upload"))
        opened = true
        return open()
      })
  }
}

/** A web stream of bytes; read once. */
export const fromReadableStream = (stream: ReadableStream<Uint8Array>, options: StreamOptions = {}): Source =>
  oneShot(() => openReadable(() => stream), options)

/** Any async iterable of bytes, a Node `Readable` included; read once. */
export const fromAsyncIterable = (bytes: AsyncIterable<Uint8Array>, options: StreamOptions = {}): Source =>
  oneShot(() => openIterable(bytes), options)

/** An Effect stream of byte chunks that needs no services; read once. */
export const fromStream = <E>(stream: Stream.Stream<Uint8Array, E>, options: StreamOptions = {}): Source =>
  oneShot(() => openIterable(Stream.toAsyncIterable(stream)), options)

/** What `from` turns into a source. */
export type Body = Uint8Array | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Source

/** A source from whatever holds bytes. A string is refused: it could be a path or the text itself. */
export const from = (body: Body, options: StreamOptions = {}): Source | UploadError => {
  if (body instanceof Uint8Array) return { ...fromBytes(body, named(options)), contentType: options.contentType }
  if (typeof Blob === "function" && body instanceof Blob) return fromBlob(body)
  if (typeof ReadableStream === "function" && body instanceof ReadableStream) return fromReadableStream(body, options)
  if (typeof body === "object" && body !== null) {
    if ("open" in body && typeof body.open === "function" && "replayable" in body) return body
    if (Symbol.asyncIterator in body) return fromAsyncIterable(body, options)
  }
  return invalidRequest(
    typeof body === "string"
      ? "the body is a string, which may be a path or the bytes themselves; use Source.file(path) or Source.text(value)"
      : `the body is ${describe(body)}; pass a Uint8Array, Blob, ReadableStream, async iterable, Node Readable or Source`
  )
}

const describe = (value: unknown): string =>
  value === null ? "null" : typeof value === "object" ? `a ${value.constructor?.name ?? "plain object"}` : typeof value

const named = (options: StreamOptions): { readonly name?: string } =>
  options.name === undefined ? {} : { name: options.name }

/** Reads chunks of any size one by one and keeps what did not fit for the next read. */
const readChunks = (pull: () => Promise<Uint8Array | undefined>): SourceReader => {
  let rest: Uint8Array = new Uint8Array(0)
  let pending: Promise<Uint8Array | undefined> | undefined
  return {
    eager: false,
    read: async (into, signal) => {
      while (rest.length === 0) {
        pending ??= pull()
        const chunk = await unlessAborted(pending, signal)
        pending = undefined
        if (chunk === undefined) return 0
        if (!(chunk instanceof Uint8Array)) {
          throw uploadError({
            _tag: "SourceFailed",
            message: `the source gave ${describe(chunk)} instead of bytes; encode it to Uint8Array first`
          })
        }
        rest = chunk
      }
      const n = scatter(rest, into)
      rest = rest.subarray(n)
      return n
    }
  }
}

const unlessAborted = <A>(promise: Promise<A>, signal: AbortSignal): Promise<A> =>
  new Promise((resolve, reject) => {
    const onAbort = () => reject(new DOMException("the read was given up", "AbortError"))
    if (signal.aborted) return onAbort()
    signal.addEventListener("abort", onAbort, { once: true })
    promise
      .then(resolve, (cause) => reject(sourceFailed(cause)))
      .finally(() => signal.removeEventListener("abort", onAbort))
  })

/** A close that neither waits (a pending read may never settle) nor throws. */
const closeQuietly = (close: () => unknown): Effect.Effect<void> =>
  Effect.sync(() => {
    Promise.resolve()
      .then(close)
      .catch(() => undefined)
  })

const openReadable = (make: () => ReadableStream<Uint8Array>): Effect.Effect<SourceReader, UploadError, Scope.Scope> =>
  Effect.acquireRelease(Effect.try({ try: () => make().getReader(), catch: sourceFailed }), (reader) =>
    closeQuietly(() => reader.cancel())
  ).pipe(
    Effect.map((reader) =>
      readChunks(async () => {
        const next = await reader.read()
        return next.done ? undefined : next.value
      })
    )
  )

const openIterable = (bytes: AsyncIterable<Uint8Array>): Effect.Effect<SourceReader, UploadError, Scope.Scope> =>
  Effect.acquireRelease(Effect.try({ try: () => bytes[Symbol.asyncIterator](), catch: sourceFailed }), (iterator) =>
    closeQuietly(() =>
      // A Node Readable that waits for data is freed by destroy(); return() would wait with it.
      "destroy" in bytes && typeof bytes.destroy === "function" ? bytes.destroy() : iterator.return?.()
    )
  ).pipe(
    Effect.map((iterator) =>
      readChunks(async () => {
        const next = await iterator.next()
        return next.done === true ? undefined : next.value
      })
    )
  )
