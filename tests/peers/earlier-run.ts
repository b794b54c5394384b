/** An upload that was interrupted under a durable journal, for the next run to take up. */
import * as Journal from "@sluice/core/Journal"
import {
  createSluice,
  type ResumeOptions,
  type SluiceOptions,
  type StoredObject,
  s3,
  type UploadEvent
} from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { holdingAt } from "../engine/resuming.ts"
import type { Target } from "../engine/target.ts"
import { quick } from "../engine/trial.ts"

export interface EarlierRun {
  readonly key: string
  readonly options: SluiceOptions
}

/** A journal that outlives its uploader, as one in a directory does. */
const durableInMemory = () => {
  const journal = { ...Effect.runSync(Journal.makeMemory), durable: true }
  return Layer.succeed(Journal.Journal, Journal.Journal.of(journal))
}

/** Uploads until so many parts are stored; then its process ends, as far as the upload can tell. */
export const interruptedAfter = async (
  parts: number,
  target: Target,
  key: string,
  body: Uint8Array,
  store: SluiceOptions["store"] = s3(target.store),
  journal: NonNullable<SluiceOptions["journal"]> = durableInMemory()
): Promise<EarlierRun> => {
  const options = { ...quick, concurrency: 2, journal, store }
  const sluice = createSluice(options)
  const upload = sluice.upload({ key, body: holdingAt(body, parts * quick.partSize) })
  let left = parts
  for await (const { _tag } of upload.events()) if (_tag === "PartStored" && --left === 0) break
  await sluice.dispose()
  return { key, options }
}

export interface LaterRun {
  readonly outcome: StoredObject | unknown
  /** Numbers of the parts that were sent, sorted. */
  readonly sent: ReadonlyArray<number>
  /** Numbers of the parts that were compared with the store's, sorted. */
  readonly verified: ReadonlyArray<number>
}

export const resumeWith = async (
  { key, options }: EarlierRun,
  body: ResumeOptions["body"],
  changed: Partial<SluiceOptions> = {}
): Promise<LaterRun> => {
  await using sluice = createSluice({ ...options, ...changed })
  const upload = sluice.resume({ key }, { body })
  const events: Array<UploadEvent> = []
  for await (const event of upload.events()) events.push(event)
  const outcome = await upload.done().catch((error: unknown) => error)
  const numbers = (tag: "PartStored" | "PartVerified"): ReadonlyArray<number> =>
    events.flatMap((event) => (event._tag === tag ? [event.partNumber] : [])).sort((a, b) => a - b)
  return { outcome, sent: numbers("PartStored"), verified: numbers("PartVerified") }
}
