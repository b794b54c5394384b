/**
 * Plugins: `open(upload) → hooks`. State lives in the closure of `open`; services are asked for there only.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { mustBeEffect } from "./internal/must-be-effect.ts"
import type { Capabilities } from "./Limits.ts"
import type { ObjectHead, OtherChecksum, PartBody, StoredPart } from "./ObjectStore.ts"
import type { PartReceipt } from "./Part.ts"
import type { Source } from "./Source.ts"
import type { StoredObject } from "./StoredObject.ts"
import { type UploadError, uploadError } from "./UploadError.ts"
import type { UploadEvent, UploadEventTag } from "./UploadEvent.ts"
import type { UploadPlan } from "./UploadPlan.ts"

export { isOwnMetadata, madeBy, meantEncoding, metadataEncoding } from "./internal/made-by.ts"

/** Where a byte-changing hook stands; the engine runs them in this order and refuses two of one exclusive stage. */
export type Stage = "observe" | "compress" | "encrypt"

/** An object as it stands in the store, for whoever sends it on. */
export interface AsStored {
  readonly head: ObjectHead
  /** The stored bytes as they are, whatever made them. Replayable; fails when another object takes this one's place. */
  readonly source: Source
}

/** The upload a plugin was opened for. */
export interface UploadContext<State = unknown> {
  readonly sessionId: string
  readonly bucket: string
  /** The key as asked for; `plan` may change it. */
  readonly key: string
  readonly source: Pick<Source, "size" | "name" | "contentType" | "replayable" | "identity">
  readonly capabilities: Capabilities
  /** The caller's own words for this upload (user id, tenant, …), as given in `upload({ annotations })`. */
  readonly annotations: Readonly<Record<string, string>>
  /** True when this run continues an earlier one. */
  readonly resumed: boolean
  /** What `save` kept in an earlier run, decoded by the plugin's `state` schema. */
  readonly saved: State | undefined
  /** Keeps state that must survive a restart. Refused where the plugin declared no `state`. */
  readonly save: (state: State) => Effect.Effect<void, UploadError>
  /** Asks whether an object stands at a key (HEAD); for key layouts that avoid collisions. */
  readonly exists: (key: string) => Effect.Effect<boolean, UploadError>
  /** What stands at a key now. Nothing of its bytes is asked for yet. Fails with `NoSuchKey`. */
  readonly stored: (key: string) => Effect.Effect<AsStored, UploadError>
}

/** A `body` hook: changes or watches the byte stream before it is split into parts. */
export interface BodyHook {
  readonly stage: Stage
  /** `unknown`: the length changes, so the upload is planned as one of unknown length. */
  readonly size: "same" | "unknown"
  /** `none`: the same input does not give the same output again, so the upload cannot be resumed. */
  readonly replay: "deterministic" | "none"
  readonly transform: (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>
}

/** One part's bytes in one contiguous view, valid until the hook returns. */
export interface PartBytes {
  readonly partNumber: number
  /** Where the part starts in the source, in bytes. */
  readonly offset: number
  readonly bytes: Uint8Array
  /** No part follows: the source has `offset + bytes.length` bytes. */
  readonly last: boolean
}

/** A `part` hook: changes each part's bytes once; every retry sends its output. */
export interface PartHook {
  readonly stage: Stage
  /** Bytes added to a part of `size` bytes. Exact: the engine checks it. */
  readonly overhead: (size: number) => number
  /** One piece, or several in order, which are sent as they are. */
  readonly transform: (part: PartBytes) => Effect.Effect<Uint8Array | ReadonlyArray<Uint8Array>, UploadError>
}

/** One attempt to send one part, as a `send` hook sees it. */
export interface SendPart {
  readonly partNumber: number
  /** From 1. */
  readonly attempt: number
  readonly body: PartBody
  /** CRC32 of the body. */
  readonly crc32: number
  /** The checksum that goes to the store instead, where another one was chosen. */
  readonly checksum?: OtherChecksum | undefined
}

/** Sends the part, or hands it to the next plugin's `send`. Calling it twice in one attempt is a defect. */
export type NextSend = (part: SendPart) => Effect.Effect<StoredPart, UploadError>

/** At-least-once delivery of terminal events, retried and continued after a crash by the Janitor. */
export interface DeliverHook {
  /** Unique among the upload's plugins; names the delivery in the journal. */
  readonly name: string
  readonly events: ReadonlyArray<UploadEventTag>
  readonly send: (delivery: Delivery) => Effect.Effect<void, UploadError>
  /** Milliseconds for one `send`. Default `hookTimeoutMs`; Infinity for one that moves many bytes, and watches them. */
  readonly timeoutMs?: number | undefined
}

export interface Delivery {
  /** The same for every try of one transition of one session; receivers drop what they know. */
  readonly id: string
  readonly event: UploadEvent
}

/** An object's bytes as one layer shows them: stored ones at the bottom, the source's at the top. */
export interface ReadableBytes {
  /** Bytes in all, when known before they are read. */
  readonly size: number | undefined
  /**
   * The bytes from `offset` on, `length` of them or up to the end; fewer where the object ends sooner. May be called
   * many times, also at once. Each chunk is valid until the next is asked for. Throws `UploadError`. Whoever iterates
   * awaits `return`, whatever the end.
   */
  readonly open: (offset: number, length?: number) => AsyncIterable<Uint8Array>
}

/** The object that a read hook is asked about. */
export interface ReadContext {
  readonly bucket: string
  readonly head: ObjectHead
}

/**
 * The inverse of a byte-changing hook, for downloads and copies. It stands beside `open`, because an object is read
 * long after its upload has ended, and by whoever has the plugin.
 */
export interface ReadHook<R = never> {
  readonly stage: Stage
  /**
   * From the bytes below this plugin to those above it; `undefined` when this plugin did not change this object. Looks
   * at `head` (its metadata) first, and may read from `below`.
   */
  readonly open: (
    object: ReadContext,
    below: ReadableBytes
  ) => Effect.Effect<ReadableBytes | undefined, UploadError, R | Scope.Scope>
}

/** What a plugin wants to see of one upload. All optional; see `docs/hooks.md` for each kind. */
export interface Hooks {
  /** value → value, in list order; new sessions only. The result is journalled. */
  readonly plan?: (plan: UploadPlan) => Effect.Effect<UploadPlan, UploadError>
  readonly body?: BodyHook
  readonly part?: PartHook
  /** around every attempt; the first plugin is outermost. */
  readonly send?: (part: SendPart, next: NextSend) => Effect.Effect<StoredPart, UploadError>
  /** gate: all parts are stored, before Complete (for a single PUT: before the PUT, with no receipts yet). */
  readonly finish?: (receipts: ReadonlyArray<PartReceipt>) => Effect.Effect<void, UploadError>
  /** gate after Complete; a failure is reported as `ChecksumMismatch { stored: true }`, never an abort. */
  readonly verify?: (object: StoredObject) => Effect.Effect<void, UploadError>
  /** observe: cannot fail the upload, by type and at run time. */
  readonly on?: (event: UploadEvent) => Effect.Effect<void>
  readonly deliver?: DeliverHook
}

/** The hooks that exist; anything else in the answer of `open` is refused by name. */
export const hookNames: ReadonlyArray<keyof Hooks> = [
  "plan",
  "body",
  "part",
  "send",
  "finish",
  "verify",
  "on",
  "deliver"
]

/** A named extension. `R`: the services its `open` asks for. */
export interface Plugin<out R = never> {
  readonly name: string
  /** `saved` and `save` hold encoded state here; `make` decodes and encodes it. */
  readonly open: (upload: UploadContext) => Effect.Effect<Hooks, UploadError, R | Scope.Scope>
  /** Every plugin that changes bytes has one: without it nobody could read what it stored. */
  readonly read?: ReadHook<R> | undefined
}

/** `H` without a hook that does not exist: a misspelt one is a type error, not silence. */
type Known<H> = Hooks & { readonly [K in Exclude<keyof H, keyof Hooks>]: never }

interface Definition<State, H, R> {
  readonly name: string
  /** What `save` keeps across restarts. */
  readonly state?: Schema.Codec<State, unknown> | undefined
  readonly open: (upload: UploadContext<State>) => Effect.Effect<H, UploadError, R>
}

/** May ask for the services that `open` asks for. */
interface WithRead<R> {
  readonly read?: ReadHook<R> | undefined
}

/**
 * Makes a plugin.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Plugin from "@sluice/core/Plugin"
 * import { reject } from "@sluice/core/UploadError"
 *
 * const noExecutables = Plugin.make({
 *   name: "acme/no-executables",
 *   open: (upload) =>
 *     upload.key.endsWith(".exe")
 *       ? Effect.fail(reject("executables are not accepted", { status: 415 }))
 *       : Effect.succeed({})
 * })
 * ```
 */
// Two signatures, because the parameter of a generator in `open` has a type only where `State` is known.
export function make<H extends Known<H>, R = never>(
  definition: Definition<undefined, H, R> & WithRead<NoInfer<R>> & { readonly state?: undefined }
): Plugin<Exclude<R, Scope.Scope>>
export function make<State, H extends Known<H>, R = never>(
  definition: Definition<State, H, R> & WithRead<NoInfer<R>> & { readonly state: Schema.Codec<State, unknown> }
): Plugin<Exclude<R, Scope.Scope>>
export function make<State, R>(definition: Definition<State, Hooks, R | Scope.Scope> & WithRead<R>): Plugin<R> {
  const { name, state, read } = definition
  const open = (upload: UploadContext<State>) => mustBeEffect(definition.open(upload))
  const fail = (cause: unknown): UploadError =>
    uploadError({ _tag: "PluginFailed", plugin: name, hook: "state", cause })
  return {
    name,
    read,
    open: Effect.fnUntraced(function* (upload) {
      if (state === undefined) {
        return yield* open({
          ...upload,
          saved: undefined,
          save: () => Effect.fail(fail(new Error("save() needs the plugin's `state` schema")))
        })
      }
      // Loaded where it is needed: whoever declares a state has it loaded, everybody else starts sooner.
      const { decodeUnknownEffect, encodeEffect } = yield* Effect.promise(() => import("effect/Schema"))
      return yield* open({
        ...upload,
        saved:
          upload.saved === undefined
            ? undefined
            : yield* Effect.mapError(decodeUnknownEffect(state)(upload.saved), fail),
        save: (value) => Effect.flatMap(Effect.mapError(encodeEffect(state)(value), fail), upload.save)
      })
    })
  }
}
