/** Uploads that end in the middle, as far as they can tell, and go on under another uploader. */
import * as Journal from "@sluice/core/Journal"
import {
  createSluice,
  type ResumeOptions,
  type ResumeTarget,
  type SluiceOptions,
  Source,
  type StoredObject,
  s3,
  type UploadEvent,
  type UploadOptions
} from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { MiB, pattern } from "./bytes.ts"
import type { Target } from "./target.ts"
import { quick } from "./trial.ts"

export const part = 5 * MiB
export const bytes = pattern(5 * part + 12_345)

/** A journal that outlives its uploader, as the file journal does. */
export const durableJournal = async () => {
  const journal = { ...(await Effect.runPromise(Journal.makeMemory)), durable: true }
  return { journal, layer: Layer.succeed(Journal.Journal, Journal.Journal.of(journal)) }
}
export type Kept = Awaited<ReturnType<typeof durableJournal>>

/** `body` with an end that never comes: the upload waits for byte `upTo` until it is interrupted. */
export const holdingAt = (body: Uint8Array, upTo: number): Source.Source => {
  const whole = Source.fromBytes(body)
  return {
    ...whole,
    // Its end is read from elsewhere than the start, for the identity.
    open: (offset) =>
      offset > 0
        ? whole.open(offset)
        : Effect.succeed({ _tag: "Chunks", rest: body.subarray(0, upTo), next: () => new Promise(() => undefined) })
  }
}

export interface Run {
  readonly outcome: StoredObject | unknown
  readonly events: ReadonlyArray<UploadEvent>
}

export const parts = ({ events }: Run, tag: "PartStored" | "PartVerified"): ReadonlyArray<number> =>
  events.flatMap((event) => (event._tag === tag ? [event.partNumber] : [])).sort((a, b) => a - b)

export const optionsOf = (target: Target, kept: Kept, options: Partial<SluiceOptions> = {}): SluiceOptions => ({
  ...quick,
  concurrency: 2,
  journal: kept.layer,
  ...options,
  store: s3(target.store)
})

/** Uploads until `stored` parts are stored, and ends the process, as far as the upload can tell. */
export const interrupted = async (
  target: Target,
  kept: Kept,
  request: Omit<UploadOptions, "body"> & { readonly body?: UploadOptions["body"] },
  stored = 2,
  options: Partial<SluiceOptions> = {}
): Promise<Run> => {
  const sluice = createSluice(optionsOf(target, kept, options))
  const upload = sluice.upload({ body: holdingAt(bytes, stored * part), ...request })
  const events: Array<UploadEvent> = []
  let left = stored
  for await (const event of upload.events()) {
    events.push(event)
    if (event._tag === "PartStored" && --left === 0) void sluice.dispose()
  }
  await sluice.dispose()
  return { outcome: await upload.done().catch((error: unknown) => error), events }
}

export const resume = async (
  target: Target,
  kept: Kept,
  which: ResumeTarget,
  request: Partial<ResumeOptions> = {},
  options: Partial<SluiceOptions> = {}
): Promise<Run> => {
  await using sluice = createSluice(optionsOf(target, kept, options))
  const upload = sluice.resume(which, { body: bytes, ...request })
  const events: Array<UploadEvent> = []
  for await (const event of upload.events()) events.push(event)
  return { outcome: await upload.done().catch((error: unknown) => error), events }
}

export const sessionOf = async ({ journal }: Kept, target: Target, key: string) => {
  const [session] = await Effect.runPromise(journal.listByKey(target.bucket, key))
  if (session === undefined) throw new Error(`no session of ${key}`)
  return session
}
