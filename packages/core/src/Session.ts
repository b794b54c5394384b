/**
 * The durable record of one upload. Holds no secret and no byte of the object.
 *
 * @module
 */
import type { ObjectAttributes, WriteCondition } from "./ObjectStore.ts"
import type { SourceIdentity } from "./Source.ts"
import type { PartLayout } from "./UploadPlan.ts"

/** Where a session stands. `completing` is written before Complete is sent: from then on nothing is aborted blindly. */
export type SessionState = "created" | "uploading" | "completing" | "completed" | "failed" | "cancelled"

export interface Session {
  /** Version of this format. */
  readonly format: 1
  /** Ours; at least 128 random bits, because it is a capability. */
  readonly sessionId: string
  /** Grows by one with every update. */
  readonly version: number
  readonly state: SessionState
  readonly bucket: string
  readonly key: string
  readonly mode: "single" | "multipart" | "either"
  /** S3's multipart id, once Create has answered. */
  readonly uploadId: string | undefined
  /**
   * At least 128 random bits in the object's metadata: tells our object from any other at the key. Undefined
   * for an upload that was found at the store without a journal.
   */
  readonly writeToken: string | undefined
  readonly size: number | undefined
  readonly layout: PartLayout
  readonly attributes: ObjectAttributes
  readonly condition: WriteCondition
  readonly checksum: "FULL_OBJECT" | "COMPOSITE" | "none"
  readonly resumable: boolean
  readonly source: SourceIdentity | undefined
  /** The caller's promise for a stream of unknown length, in bytes. */
  readonly maxSize: number | undefined
  /**
   * Multipart ids at our key that a Create whose answer was lost may have left. They hold no bytes, and nothing
   * proves that they are ours: the Janitor ends them by age, if they are still empty then.
   */
  readonly suspects: ReadonlyArray<string>
  /** Plugins in order; a resume with other plugins is refused. */
  readonly plugins: ReadonlyArray<string>
  /** What plugins saved, by plugin name, encoded by their schemas. */
  readonly pluginState: Readonly<Record<string, unknown>>
  /** Deliveries still owed, by `deliver` name. */
  readonly undelivered: ReadonlyArray<string>
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** The object metadata that holds the write token, without the `x-amz-meta-` prefix. */
export const metadataToken = "sluice-write-token"

/**
 * Whether the journal may forget an ended session: all its news is delivered, and no multipart upload of it
 * may still be open in the store. One that is not settled is a cleanup record: the Janitor finishes it.
 */
export const isSettled = ({ state, undelivered, uploadId, suspects }: Session): boolean =>
  undelivered.length === 0 && suspects.length === 0 && (state === "completed" || uploadId === undefined)
