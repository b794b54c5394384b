import type { StoreOperation } from "@sluice/core/ObjectStore"
import type { StoredObject } from "@sluice/core/StoredObject"
import type { ReasonTag, Retry } from "@sluice/core/UploadError"
import type { UploadEvent } from "@sluice/core/UploadEvent"

/** A name of S3's operations, as the engine's store has them. */
export type OperationName = StoreOperation["_tag"]

/** How one run of an upload ended. */
export type RunEnd =
  | { readonly _tag: "Succeeded"; readonly object: StoredObject }
  | {
      readonly _tag: "Failed"
      readonly reason: ReasonTag
      readonly retry: Retry
      readonly operation: string | undefined
      readonly message: string
    }
  /** A sweep or a cancel has done what it should. */
  | { readonly _tag: "Done" }
  /** Somebody ended it: interruption, cancel. */
  | { readonly _tag: "Interrupted" }
  /** A defect: an error that nobody expects. */
  | { readonly _tag: "Crashed"; readonly message: string }
  /** Its process was killed. */
  | { readonly _tag: "Died" }

interface LeaseHeld<Tag extends string> {
  readonly _tag: Tag
  readonly actor: string
  readonly sessionId: string
  readonly fence: number
  /** Milliseconds since the epoch, by the journal's clock. */
  readonly until: number
}

interface At {
  /** Milliseconds since the epoch, by the world's clock. */
  readonly at: number
}

/** One thing that happened in a simulated world. `actor` is the run, the sweep or the cancel that did it. */
export type HistoryEvent = At &
  (
    | {
        readonly _tag: "Began"
        readonly actor: string
        readonly process: string
        readonly kind: "upload" | "resume" | "sweep" | "cancel"
        readonly key: string
        /** What the object must hold; undefined for what stores nothing. */
        readonly content: Uint8Array | undefined
        /** The session, where it is known before. */
        readonly sessionId: string | undefined
        readonly limits: RunLimits
      }
    | {
        readonly _tag: "Ended"
        readonly actor: string
        readonly end: RunEnd
        /** Multipart uploads of its session that are open now and that the journal does not name. */
        readonly unnamed: ReadonlyArray<string>
      }
    /** What the run's listener was told. */
    | { readonly _tag: "Told"; readonly actor: string; readonly event: UploadEvent }
    | {
        readonly _tag: "Journalled"
        readonly actor: string
        readonly sessionId: string
        readonly writeToken: string | undefined
      }
    /** A call of the journal failed, whether it was done or not, or took longer than somebody waits. */
    | { readonly _tag: "NotJournalled"; readonly actor: string }
    | LeaseHeld<"LeaseTaken">
    | LeaseHeld<"LeaseRenewed">
    | {
        readonly _tag: "LeaseReleased"
        readonly actor: string
        readonly sessionId: string
        readonly fence: number
      }
    /** A request left for the store. */
    | {
        readonly _tag: "Sent"
        readonly call: number
        readonly actor: string
        readonly process: string
        readonly operation: OperationName
        readonly key: string
        readonly sessionId: string | undefined
        readonly uploadId: string | undefined
        readonly partNumber: number | undefined
        /** Its process was frozen since its lease was taken or renewed: it cannot know better. */
        readonly thawed: boolean
        /** Parts named in a Complete that the journal has no receipt of. */
        readonly unrecorded: ReadonlyArray<number>
        /** The part was recorded before this run began, and the store has it as recorded. */
        readonly known: boolean
      }
    /** The store did what was asked for, or refused. */
    | {
        readonly _tag: "Applied"
        readonly call: number
        readonly refused: ReasonTag | undefined
        /** Of the upload that was created. */
        readonly uploadId: string | undefined
      }
    /** The caller heard an answer; `error` where it was none. */
    | {
        readonly _tag: "Heard"
        readonly call: number
        readonly error: { readonly reason: ReasonTag; readonly away: boolean } | undefined
      }
    /** The caller waits no longer, or is dead. */
    | { readonly _tag: "Left"; readonly call: number }
    /** Bytes of a body were other ones when the store had read them than when they were handed over. */
    | { readonly _tag: "BodyChanged"; readonly call: number }
    | {
        readonly _tag: "Written"
        readonly key: string
        readonly writeToken: string | undefined
        /** As a reader sees it. */
        readonly content: Uint8Array
        readonly size: number
        readonly etag: string
      }
    | {
        readonly _tag: "Delivered"
        readonly sessionId: string
        readonly id: string
        readonly event: UploadEvent["_tag"]
      }
    | { readonly _tag: "Killed"; readonly process: string }
    | { readonly _tag: "Frozen"; readonly process: string }
    /** Memory of a process that lives, when it has nothing left to do. */
    | {
        readonly _tag: "Memory"
        readonly process: string
        readonly inUse: number
        readonly highWater: number
        readonly budget: number
      }
    /** What is there when all has ended and the Janitor was given time. */
    | {
        readonly _tag: "Final"
        readonly sessions: ReadonlyArray<string>
        /** Open multipart uploads, those of others left out. */
        readonly uploads: ReadonlyArray<string>
        /** Uploads of others that are not as they were. */
        readonly touched: ReadonlyArray<string>
        readonly deliveries: boolean
        /** It never became quiet, or something waits for ever. */
        readonly stuck: string | undefined
      }
  )

/** What a run promises about its attempts. */
export interface RunLimits {
  readonly maxAttempts: number
  readonly maxAttemptsInAll: number
  readonly retryWithinMs: number
}

/** All that happened, in order. */
export type History = ReadonlyArray<HistoryEvent>

type Named<Tag extends HistoryEvent["_tag"]> = Extract<HistoryEvent, { readonly _tag: Tag }>

/** The events of one kind, in order. */
export const eventsOf = <Tag extends HistoryEvent["_tag"]>(history: History, tag: Tag): ReadonlyArray<Named<Tag>> =>
  history.filter((event): event is Named<Tag> => event._tag === tag)
