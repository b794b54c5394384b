/**
 * Bytes to store, with what is known about them beforehand.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { openFile, statFile } from "./platform/file.ts"
import { openStdin } from "./platform/stdin.ts"
import { invalidRequest, isUploadError, type UploadError, uploadError } from "./UploadError.ts"

/** What tells two sources apart when an upload is resumed. */
export interface SourceIdentity {
  readonly name?: string | undefined
  /** Milliseconds since the epoch. */
  readonly modifiedMs?: number | undefined
  readonly inode?: string | undefined
  /** Bytes, when known. */
  readonly size?: number | undefined
  /** SHA-256 of the first MiB (of all bytes, where there are fewer), in hex. Taken where the journal is durable. */
  readonly headSha256?: string | undefined
  /** SHA-256 of the last MiB, in hex. */
  readonly tailSha256?: string | undefined
}

/** An open source: pulled by the engine, a part at a time. One call at a time. */
export type SourceReader = PositionalReader | ChunkReader

/** Bytes that are there for the asking (files, memory): a whole part is read in one call. */
export interface PositionalReader {
  readonly _tag: "Positional"
  /**
   * Fills the slices in order from the start of the first and returns how many bytes came; 0 means the
   * end. May return fewer than asked. Settles soon, and writes nothing after it has settled.
   */
  readonly read: (into: ReadonlyArray<Uint8Array>) => Promise<number>
}

/** Bytes that arrive in chunks of the source's choosing. */
export interface ChunkReader {
  readonly _tag: "Chunks"
  /** The next chunk, of any length. May never settle. */
  readonly next: () => Promise<{ readonly done?: boolean | undefined; readonly value?: Uint8Array | undefined }>
  /** What was pulled and did not fit into the part before. */
  rest: Uint8Array
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
  /** Asked when all bytes are read: fails with `SourceChanged` when they changed meanwhile (files). */
  readonly unchanged?: Effect.Effect<void, UploadError> | undefined
}

/** Whatever a source fails with, as `SourceFailed`. */
export const sourceFailed = (cause: unknown): UploadError =>
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
        _tag: "Positional",
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
      // Every read of it fails, with the reason why: nothing else that could be said of it may come first.
      replayable: true,
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
    open: (offset) => openFile(path, offset),
    unchanged: Effect.suspend(() => {
      const now = statFile(path)
      if (isUploadError(now)) return Effect.fail(now)
      return now.size === stat.size && now.modifiedMs === stat.modifiedMs && now.inode === stat.inode
        ? Effect.void
        : Effect.fail(
            uploadError({
              _tag: "SourceChanged",
              message: `the file "${path}" changed while it was read; nothing was completed, upload it again`
            })
          )
    })
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

/** This process's standard input, of unknown length unless `size` is given; read once. */
export const stdin = (options: StreamOptions = {}): Source =>
  oneShot(
    () =>
      openStdin() ??
      (typeof process === "object"
        ? openIterable(process.stdin)
        : Effect.fail(invalidRequest("this runtime has no standard input; pass a stream"))),
    options
  )

/** An Effect stream of byte chunks that needs no services; read once. */
export const fromStream = <E>(stream: Stream.Stream<Uint8Array, E>, options: StreamOptions = {}): Source =>
  // Loaded with the stream's own module, which is loaded already where there is a stream.
  oneShot(
    () =>
      Effect.flatMap(
        Effect.promise(() => import("effect/Stream")),
        ({ toAsyncIterable }) => openIterable(toAsyncIterable(stream))
      ),
    options
  )

/** What `from` turns into a source. */
export type Body = Uint8Array | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Source

/**
 * A source from whatever holds bytes. What `options` say goes before what the body knows of itself; a
 * declared size is checked by the engine. A string is refused: it could be a path or the text itself.
 */
export const from = (body: Body, options: StreamOptions = {}): Source | UploadError => {
  if (body instanceof Uint8Array) return described(fromBytes(body), options)
  if (typeof Blob === "function" && body instanceof Blob) return described(fromBlob(body), options)
  if (typeof ReadableStream === "function" && body instanceof ReadableStream) return fromReadableStream(body, options)
  if (typeof body === "object" && body !== null) {
    if ("open" in body && typeof body.open === "function" && "replayable" in body) return described(body, options)
    if (Symbol.asyncIterator in body) return fromAsyncIterable(body, options)
  }
  return invalidRequest(
    typeof body === "string"
      ? "the body is a string, which may be a path or the bytes themselves; use Source.file(path) or Source.text(value)"
      : `the body is ${kindOf(body)}; pass a Uint8Array, Blob, ReadableStream, async iterable, Node Readable or Source`
  )
}

const described = (source: Source, options: StreamOptions): Source => ({
  size: options.size ?? source.size,
  replayable: source.replayable,
  name: options.name ?? source.name,
  contentType: options.contentType ?? source.contentType,
  identity: source.identity,
  open: (offset) => source.open(offset),
  unchanged: source.unchanged
})

/** A value's kind in words, for messages. */
export const kindOf = (value: unknown): string => {
  if (value === null || typeof value !== "object") return String(value === null ? value : typeof value)
  const name = value.constructor?.name ?? "plain object"
  return `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`
}

/** A close that neither waits (a pending read may never settle) nor throws. */
const closeQuietly = (close: () => unknown): Effect.Effect<void> =>
  Effect.sync(() => {
    Promise.resolve()
      .then(close)
      .catch(() => undefined)
  })

const nothing = new Uint8Array(0)

const openReadable = (make: () => ReadableStream<Uint8Array>): Effect.Effect<SourceReader, UploadError, Scope.Scope> =>
  Effect.acquireRelease(Effect.try({ try: () => make().getReader(), catch: sourceFailed }), (reader) =>
    closeQuietly(() => reader.cancel())
  ).pipe(Effect.map((reader) => ({ _tag: "Chunks", next: () => reader.read(), rest: nothing })))

const openIterable = (bytes: AsyncIterable<Uint8Array>): Effect.Effect<SourceReader, UploadError, Scope.Scope> =>
  Effect.acquireRelease(Effect.try({ try: () => bytes[Symbol.asyncIterator](), catch: sourceFailed }), (iterator) =>
    closeQuietly(() =>
      // A Node Readable that waits for data is freed by destroy(); return() would wait with it.
      "destroy" in bytes && typeof bytes.destroy === "function" ? bytes.destroy() : iterator.return?.()
    )
  ).pipe(Effect.map((iterator) => ({ _tag: "Chunks", next: () => iterator.next(), rest: nothing })))
