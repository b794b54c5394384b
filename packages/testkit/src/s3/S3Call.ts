import type { S3Response } from "./message.ts"
import type { Operation } from "./Operation.ts"

/** One verified request on its way to an operation. */
export interface S3Call {
  readonly op: Operation
  /** Empty for operations on the service. */
  readonly bucket: string
  /** Empty for operations on a bucket. */
  readonly key: string
  readonly uploadId: string | undefined
  readonly partNumber: number | undefined
  /** How many requests of this operation, bucket, key, upload and part there were, this one included. */
  readonly attempt: number
  readonly query: ReadonlyMap<string, string>
  readonly headers: Readonly<Record<string, string>>
  /** The object's bytes, transfer framing removed. */
  readonly body: AsyncIterable<Uint8Array>
  /** What `x-amz-content-sha256` says of the body. */
  readonly payload: string
  /** Trailing headers, there once the body has ended. */
  readonly trailers: ReadonlyMap<string, string>
  /** Aborted when the client is gone or the server closes. */
  readonly signal: AbortSignal
}

/** Stands around every operation: faults live here, and the server knows nothing of them. */
export type Middleware = (call: S3Call, next: (call: S3Call) => Promise<S3Response>) => Promise<S3Response>
