/**
 * One upload on a target, everything it told, and what must hold at its end whatever happened.
 */

import { defaults } from "@sluice/core/Defaults"
import * as Plugin from "@sluice/core/Plugin"
import {
  createSluice,
  isUploadError,
  type Progress,
  type ReasonTag,
  reject,
  type Sluice,
  type SluiceOptions,
  type StoredObject,
  s3,
  type Upload,
  type UploadError,
  type UploadEvent,
  type UploadOptions
} from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import { expect } from "vitest"
import { MiB, pattern, sha256 } from "./bytes.ts"
import { openRequests, openSockets } from "./connections.ts"
import { listen, timers, timersDownTo } from "./ears.ts"
import { download, type FaultyTarget, type StoreOptions, type Target } from "./target.ts"

/** Small parts, and waits as short as they can be. */
export const quick = {
  partSize: 5 * MiB,
  multipartThreshold: 5 * MiB,
  memoryBudget: 64 * MiB,
  retryBaseMs: 1,
  throttleBaseMs: 1,
  retryCapMs: 20
} satisfies Partial<SluiceOptions>

export interface Setup extends Partial<Omit<SluiceOptions, "store">> {
  /** Laid over the target's own. */
  readonly store?: Partial<StoreOptions>
  /** What the object must be on success; default: the body, where it is bytes. `any`: the test looks for itself. */
  readonly expected?: Uint8Array | "any"
  /** What stood at the key before and must still stand there after a failure. */
  readonly standing?: Uint8Array
  /** A failure may leave the whole, right object: Complete was applied, and nothing can be taken back. */
  readonly mayBeStored?: boolean
  /** The upload fails before its first event: options, plugins, a body that is none. */
  readonly neverStarts?: boolean
  /** Acts while the upload runs. */
  readonly during?: (upload: Upload, sluice: Sluice) => Promise<void>
}

export interface Outcome {
  readonly key: string
  readonly stored: StoredObject | undefined
  readonly error: unknown
  readonly events: ReadonlyArray<UploadEvent>
  readonly progress: ReadonlyArray<Progress>
}

let keys = 0
/** A key that no other test uses. */
export const freshKey = (name = "object"): string => `${name}-${++keys}`

/** Runs one upload to its end and audits it; answers with what happened. */
export const attempt = async (
  target: Target,
  request: Omit<UploadOptions, "key"> & { readonly key?: string },
  { store, expected, standing, mayBeStored = false, neverStarts = false, during, ...options }: Setup = {}
): Promise<Outcome> => {
  const key = request.key ?? freshKey()
  const ears = listen()
  const timersBefore = timers()
  // What stands between may repeat requests of its own accord.
  const seesRequests = isFaulty(target) && store?.endpoint === undefined
  const requestsBefore = seesRequests ? target.requests.length : 0
  await using sluice = createSluice({
    ...quick,
    journal: ears.journal,
    ...options,
    store: s3({ ...target.store, ...store })
  })
  const progress: Array<Progress> = []
  const upload = sluice.upload({
    ...request,
    key,
    onProgress: (snapshot) => {
      progress.push(snapshot)
      request.onProgress?.(snapshot)
    }
  })
  const events: Array<UploadEvent> = []
  const listening = (async () => {
    for await (const event of upload.events()) events.push(event)
  })()
  let stored: StoredObject | undefined
  let error: unknown
  const ended = upload.done().then(
    (object) => {
      stored = object
    },
    (cause: unknown) => {
      error = cause
    }
  )
  await during?.(upload, sluice)
  await ended
  await listening
  const outcome: Outcome = { key: stored?.key ?? key, stored, error, events, progress }

  // The letters are those of the invariants of docs/reliability.md.
  // At once, not eventually: `done()` and `abort()` settle when nothing is left.
  const endpoint = store?.endpoint ?? target.store.endpoint
  expect(target.open(outcome.key)).toBe(0)
  if (stored === undefined) expect(openRequests(endpoint)).toEqual([])
  checkEvents(outcome, neverStarts)
  checkProgress(outcome)
  checkAttempts(outcome, options, seesRequests ? target.requests.slice(requestsBefore) : [])
  if (isFaulty(target)) target.faults.clear()
  await target.assertNothingLeft()
  const source = request.body instanceof Uint8Array ? request.body : undefined
  const bytes = expected === "any" ? undefined : (expected ?? source)
  await checkObject(target, outcome, { bytes, standing, mayBeStored })
  await checkMemory(target)
  await sluice.dispose()
  await expect.poll(() => openRequests(endpoint)).toEqual([])
  await expect.poll(() => openSockets(endpoint)).toBe(0)
  expect(await timersDownTo(timersBefore), "timers that are still running").toBeLessThanOrEqual(timersBefore)
  ears.assertNoSecret(target, request.body, error, events, stored)
  return outcome
}

const isFaulty = (target: Target): target is FaultyTarget => "faults" in target

const terminal = (event: UploadEvent): boolean =>
  event._tag === "UploadCompleted" || event._tag === "UploadFailed" || event._tag === "UploadCancelled"

const checkEvents = ({ stored, error, events }: Outcome, neverStarts: boolean): void => {
  if (neverStarts) {
    expect(events).toEqual([])
    return
  }
  expect(events.filter(terminal)).toEqual([events.at(-1)])
  const parts = events.flatMap((event) => (event._tag === "PartStored" ? [event.partNumber] : []))
  expect(new Set(parts).size, "each part is stored once").toBe(parts.length)
  if (stored !== undefined) {
    expect(events.at(-1)).toMatchObject({ _tag: "UploadCompleted", object: stored })
    expect(parts.length).toBe(stored.parts)
  } else if (isUploadError(error)) expect(events.at(-1)).toMatchObject({ _tag: "UploadFailed", error })
  else expect(events.at(-1)?._tag).toBe("UploadCancelled")
}

/** No request is tried more often than the options allow, by what was told and by what the store saw. */
const checkAttempts = (
  { key, events }: Outcome,
  { maxAttempts, maxAttemptsInAll = maxAttempts ?? defaults.maxAttemptsInAll }: Partial<SluiceOptions>,
  requests: FaultyTarget["requests"]
): void => {
  const retries = new Map<number, number>()
  for (const event of events) {
    if (event._tag === "PartStored") expect(event.attempts).toBeLessThanOrEqual(maxAttemptsInAll)
    if (event._tag !== "Retrying") continue
    expect(event.attempt).toBeLessThan(maxAttemptsInAll)
    if (event.partNumber !== undefined) retries.set(event.partNumber, (retries.get(event.partNumber) ?? 0) + 1)
  }
  const sent = new Map<number, number>()
  for (const { op, key: at, partNumber } of requests)
    if (op === "UploadPart" && at === key && partNumber !== undefined)
      sent.set(partNumber, (sent.get(partNumber) ?? 0) + 1)
  // A part that Complete finds wrong is sent again, once.
  for (const [partNumber, times] of sent)
    expect(times, `requests for part ${partNumber}`).toBeLessThanOrEqual(2 + (retries.get(partNumber) ?? 0))
}

const checkProgress = ({ stored, progress }: Outcome): void => {
  const rises = (values: ReadonlyArray<number>): boolean => values.every((value, i) => value >= (values[i - 1] ?? 0))
  expect(rises(progress.map(({ sent }) => sent))).toBe(true)
  expect(rises(progress.map((p) => p.stored))).toBe(true)
  expect(rises(progress.flatMap(({ percent }) => percent ?? []))).toBe(true)
  for (const { sent, total } of progress) expect(sent).toBeLessThanOrEqual(total ?? sent)
  const last = progress.at(-1)
  expect(progress.filter(({ percent }) => percent === 100)).toEqual(stored === undefined ? [] : [last])
  if (stored !== undefined) expect(last).toMatchObject({ state: "completed", stored: last?.total, sent: last?.total })
}

const checkObject = async (
  target: Target,
  { key, stored, error }: Outcome,
  want: {
    readonly bytes: Uint8Array | undefined
    readonly standing: Uint8Array | undefined
    readonly mayBeStored: boolean
  }
): Promise<void> => {
  const found = key === "" ? undefined : await download(target, key)
  const digest = found === undefined ? "absent" : sha256(found)
  if (stored !== undefined) {
    if (want.bytes !== undefined) expect(digest, "the object is its source").toBe(sha256(want.bytes))
    expect(found?.length).toBe(stored.size)
    return
  }
  const before = want.standing === undefined ? "absent" : sha256(want.standing)
  const whole = want.bytes === undefined ? before : sha256(want.bytes)
  expect(want.mayBeStored ? [before, whole] : [before], `after ${String(error)}`).toContain(digest)
}

/**
 * Two uploads that fit only together with nothing else: all memory of earlier uploads is back. Each holds its
 * half of the budget until the other has its own.
 */
const checkMemory = async (target: Target): Promise<void> => {
  let holding = 0
  const both = Promise.withResolvers<void>()
  const hold = Plugin.make({
    name: "test/hold",
    open: () =>
      Effect.succeed({
        finish: () => {
          if (++holding === 2) both.resolve()
          return Effect.andThen(
            Effect.promise(() => both.promise),
            Effect.fail(reject("the bytes were in memory, and that was the question"))
          )
        }
      })
  })
  await using sluice = createSluice({ memoryBudget: 16 * MiB, plugins: [hold], store: s3(target.store) })
  const half = () => sluice.upload({ key: "memory", body: memoryProbe, multipart: "never" }).done()
  const outcomes = await Promise.allSettled([half(), half()])
  for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { reason: { _tag: "Rejected" } } })
}
const memoryProbe = pattern(8 * MiB - 1)

/** The outcome as a failure of one reason. */
export const failedWith = ({ stored, error }: Outcome, tag: ReasonTag): UploadError => {
  expect(stored).toBeUndefined()
  if (!isUploadError(error)) throw new Error(`expected an UploadError, got ${String(error)}`, { cause: error })
  expect(error.reason._tag, error.message).toBe(tag)
  return error
}

/** The outcome as a success, shown by a digest of the source. */
export const succeeded = ({ stored, error }: Outcome): StoredObject => {
  if (stored === undefined) throw new Error(`the upload failed: ${String(error)}`, { cause: error })
  expect(stored.proof).toBe("source")
  return stored
}
