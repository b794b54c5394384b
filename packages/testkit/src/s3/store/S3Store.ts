import type { S3Record } from "../Records.ts"

/**
 * Where the server keeps things: blobs (bytes, immutable once committed) and records (small, replaced as a whole).
 * A blob that no record names does not exist: it may be forgotten at the next `open`.
 */
export interface S3Store {
  /** Called once, before everything else. Gives back every record saved earlier. */
  open(): Promise<ReadonlyArray<S3Record>>
  /** Resolves when the record is as durable as the store can make it; replaces the one of the same name at once. */
  save(record: S3Record): Promise<void>
  remove(records: ReadonlyArray<S3Record>): Promise<void>
  writeBlob(): Promise<BlobWriter>
  /** Fails if the blob is gone or shorter. */
  readBlob(blob: string, offset: number, length: number): AsyncIterable<Uint8Array>
  forgetBlob(blob: string): Promise<void>
  close(): Promise<void>
}

/** Exactly one of `commit` and `abort` is called, once. */
export interface BlobWriter {
  /** Awaiting it is the back-pressure. The chunk may be reused by the caller afterwards. */
  write(chunk: Uint8Array): Promise<void>
  /** Makes the bytes durable and names them. */
  commit(): Promise<string>
  abort(): Promise<void>
}
