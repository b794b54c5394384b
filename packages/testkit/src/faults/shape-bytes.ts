import { Hangup, type S3Stream } from "../s3/message.ts"
import { cutAt, delayed, flipByte, paced, sliced, stopAfter } from "./bytes.ts"
import { type FaultClock, pause, untilGone } from "./FaultClock.ts"
import type { ByteFault } from "./FaultRule.ts"

/** What a fault needs to do its work on one request or connection. */
export interface FaultTools {
  readonly clock: FaultClock
  /** The seed's numbers for this request or connection. */
  readonly random: () => number
  /** Aborted when the client is gone or the server closes. */
  readonly signal: AbortSignal
}

/** Bytes as a fault lets them through; what ends a connection is thrown as a `Hangup`. `length` of all, where known. */
export function shapeBytes(
  fault: ByteFault,
  bytes: AsyncIterable<Uint8Array>,
  { clock, random, signal }: FaultTools,
  length?: number
): S3Stream {
  const hangUp = (how: Hangup["how"]) => async (): Promise<never> => {
    throw new Hangup(how)
  }
  switch (fault.type) {
    case "reset":
      return stopAfter(bytes, fault.afterBytes, hangUp("reset"))
    case "halfClose":
      return stopAfter(bytes, fault.afterBytes, hangUp("halfClose"))
    case "stall":
      return stopAfter(bytes, fault.afterBytes, () => untilGone(signal))
    case "hang":
      return swallow(bytes, signal)
    case "truncate":
      return cutAt(bytes, fault.afterBytes)
    case "corrupt":
      return flipByte(bytes, fault.byte ?? Math.floor(random() * (length ?? 1_024)))
    case "delay":
      return delayed(bytes, () => pause(clock, delayOf(fault, random), signal))
    case "slow":
      return paced(bytes, fault.bytesPerSecond, (ms) => pause(clock, ms, signal))
    case "slice":
      return sliced(bytes, () => 1 + Math.floor(random() * fault.bytes))
  }
}

async function* swallow(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): S3Stream {
  for await (const _ of bytes);
  return untilGone(signal)
}

/** Milliseconds of one wait. */
export const delayOf = ({ ms, jitterMs = 0 }: Extract<ByteFault, { type: "delay" }>, random: () => number): number =>
  ms + random() * jitterMs
