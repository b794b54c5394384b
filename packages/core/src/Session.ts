/**
 * The durable record of one upload. Holds no secret and no byte of the object.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { ObjectAttributes, OtherChecksum, WriteCondition } from "./ObjectStore.ts"
import type { PartReceipt } from "./Part.ts"
import type { SourceIdentity } from "./Source.ts"
import type { StoredObject } from "./StoredObject.ts"
import { invalidRequest, type Reason, type UploadError, uploadError } from "./UploadError.ts"
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
  /** As the store names it: relative to its folder, where it is one. */
  readonly key: string
  /** The name of the store, where one journal serves several. */
  readonly store?: string | undefined
  /** The endpoint that the upload went to, where the store has several: it is never continued over another. */
  readonly endpoint?: string | undefined
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
  /** What the store is told instead of CRC32. */
  readonly checksumAlgorithm?: OtherChecksum["algorithm"] | undefined
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
  /** How it ended, as long as somebody is owed the news. */
  readonly news?: SessionNews | undefined
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** What an event of the end says that the session does not. Reasons have no causes here. */
export type SessionNews =
  | { readonly _tag: "Completed"; readonly object: StoredObject }
  | { readonly _tag: "Failed"; readonly reason: Reason }

/** The object metadata that holds the write token, without the `x-amz-meta-` prefix. */
export const metadataToken = "sluice-write-token"

/**
 * Whether the journal may forget an ended session: all its news is delivered, and no multipart upload of it
 * may still be open in the store. One that is not settled is a cleanup record: the Janitor finishes it.
 */
export const isSettled = ({ state, undelivered, uploadId, suspects }: Session): boolean =>
  undelivered.length === 0 && suspects.length === 0 && (state === "completed" || uploadId === undefined)

/** Largest encoded session, in bytes (DESIGN §8): a head is written often and read by scans. */
export const maxSessionBytes = 16 * 1024

/** The session as one line of JSON. Fails with `InvalidRequest`, naming what is large, above `maxSessionBytes`. */
export const encodeSession = (session: Session): Effect.Effect<string, UploadError> =>
  Effect.suspend(() => {
    const text = JSON.stringify(session)
    const size = bytesOf(text)
    return size <= maxSessionBytes
      ? Effect.succeed(text)
      : Effect.fail(
          invalidRequest(
            `the upload's record would have ${size} bytes, and the journal takes ${maxSessionBytes}: ${largest(session)}`,
            { bucket: session.bucket }
          )
        )
  })

const bytesOf = (text: string): number => new TextEncoder().encode(text).length

const sizesOf = (record: object): ReadonlyArray<readonly [name: string, bytes: number]> =>
  Object.entries(record)
    .map(([name, value]) => [name, bytesOf(JSON.stringify(value) ?? "")] as const)
    .sort(([, a], [, b]) => b - a)

const largest = (session: Session): string => {
  const [field, bytes] = sizesOf(session)[0] ?? ["", 0]
  if (field !== "pluginState") return `"${field}" alone has ${bytes}; make it shorter`
  const [plugin, own] = sizesOf(session.pluginState)[0] ?? ["", 0]
  return `plugin "${plugin}" saved ${own}; let it keep its state elsewhere, and save where`
}

const unreadable = (message: string, sessionId?: string): UploadError =>
  uploadError({ _tag: "JournalFailed", message }, { sessionId, retry: "permanent" })

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    // What the parser says quotes the text.
    return undefined
  }
}

const formatOf = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "format" in value ? value.format : undefined

/** Loaded where a journal is read: Schema costs start-up time and memory, and most uploads only write theirs. */
const schemas = Effect.promise(() => import("./internal/session-schema.ts"))

/**
 * The session that `encodeSession` wrote. Fails with `JournalFailed` when it is damaged, or was written by a newer
 * version of this format.
 */
export const decodeSession = (text: string): Effect.Effect<Session, UploadError> =>
  Effect.flatMap(schemas, ({ readSession }) => {
    const value = parsed(text)
    const format = formatOf(value)
    if (typeof format === "number" && format > 1) {
      return Effect.fail(
        unreadable(
          `the upload's record has format ${format}, and this version reads 1: a newer Sluice wrote it; continue the upload with that version`
        )
      )
    }
    const session = readSession(value)
    return typeof session === "string"
      ? Effect.fail(unreadable(`the upload's record is damaged: ${session}; start the upload again`))
      : Effect.succeed(session)
  })

/** The receipt as one line of JSON. */
export const encodeReceipt = (receipt: PartReceipt): string => JSON.stringify(receipt)

/** The receipts that `encodeReceipt` wrote. Fails with `JournalFailed` when one is damaged. */
export const decodeReceipts = (texts: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<PartReceipt>, UploadError> =>
  Effect.flatMap(schemas, ({ readReceipt }) =>
    Effect.forEach(texts, (text) => {
      const receipt = readReceipt(parsed(text))
      return typeof receipt === "string"
        ? Effect.fail(unreadable(`a part's record is damaged: ${receipt}; start the upload again`))
        : Effect.succeed(receipt)
    })
  )
