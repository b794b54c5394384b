import type { FaultRule } from "./FaultRule.ts"

const always = Infinity
const KiB = 1024

const slow: ReadonlyArray<FaultRule> = [
  { match: { connection: "any" }, action: { type: "delay", ms: 80, jitterMs: 120 }, times: always },
  { match: { connection: "any" }, action: { type: "slow", bytesPerSecond: 512 * KiB }, times: always },
  { match: { connection: "any" }, action: { type: "slice", bytes: 4 * KiB }, times: always }
]

/** Rarely enough that whoever retries gets there. */
const flaky: ReadonlyArray<FaultRule> = [
  { match: { probability: 0.05 }, action: { type: "status", status: 503, code: "SlowDown" }, times: always },
  { match: { probability: 0.02 }, action: { type: "status", status: 500, code: "InternalError" }, times: always },
  { match: { probability: 0.02 }, action: { type: "dropAfterCommit" }, times: always },
  { match: { connection: "any", probability: 0.03 }, action: { type: "reset", afterBytes: 100 * KiB }, times: always }
]

/** What few clients are tested against: answers that lie, answers that are lost, bytes that flip. */
const hostile: ReadonlyArray<FaultRule> = [
  ...flaky,
  { match: { op: "UploadPart", probability: 0.05 }, action: { type: "corrupt" }, times: always },
  { match: { op: "UploadPart", probability: 0.02 }, action: { type: "html200" }, times: always },
  {
    match: { op: "CompleteMultipartUpload", probability: 0.3 },
    action: { type: "ok200WithError", code: "InternalError", keepAliveWhitespace: true },
    times: always
  },
  {
    match: { op: "CompleteMultipartUpload", probability: 0.3 },
    action: { type: "dropAfterCommit" },
    times: always
  },
  {
    match: { op: "AbortMultipartUpload", probability: 0.3 },
    action: { type: "status", status: 503, code: "SlowDown" },
    times: always
  },
  { match: { connection: "any", probability: 0.02 }, action: { type: "stall", afterBytes: 64 * KiB }, times: always },
  { match: { connection: "any", probability: 0.03 }, action: { type: "slice", bytes: 100 }, times: always }
]

/** Rules that make a store slow, flaky, or hostile. */
export const faultPresets = { slow, flaky, hostile } as const

export type FaultPreset = keyof typeof faultPresets

/**
 * The rules of a preset as far as they can strike before an endpoint: https shows connections alone, so there the
 * faults of requests are left out.
 */
export const presetFor = (preset: FaultPreset, target: string): ReadonlyArray<FaultRule> =>
  faultPresets[preset].filter(({ match }) => !target.startsWith("https:") || match?.connection !== undefined)
