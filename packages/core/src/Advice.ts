/**
 * How an object of some size is best uploaded: parts, memory, requests. Pure.
 *
 * @module
 */
import * as Result from "effect/Result"
import { type EngineOptions, engineOptions } from "./Defaults.ts"
import { type Capabilities, MiB } from "./Limits.ts"
import { type UploadError, uploadError } from "./UploadError.ts"
import { partCount, plan } from "./UploadPlan.ts"

/** What is advised. Sizes in bytes. */
export interface Advice {
  readonly mode: "single" | "multipart"
  /** What the engine takes by itself: its part size, larger where the store's number of parts would not do. */
  readonly partSize: number
  /** Smallest that the store's number of parts allows, and largest that the store takes. */
  readonly minPartSize: number
  readonly maxPartSize: number
  /** Parts at `partSize`; 1 for a single PUT. */
  readonly parts: number
  readonly maxParts: number
  /** Most payload that one upload of it holds at once: DESIGN's formula without the process itself. */
  readonly memory: number
  /** Whether parts are read twice, once for their CRC32 and once to be sent, because memory does not hold them. */
  readonly twoPasses: boolean
  /** Requests that a store bills as writes (S3: the class of PUT, COPY, POST, LIST): Create, parts, Complete. */
  readonly writeRequests: number
}

export interface AdviceInput extends Partial<Pick<EngineOptions, "concurrency" | "memoryBudget" | "partSize">> {
  /** Bytes of the object. */
  readonly size: number
}

const roundUpToMiB = (bytes: number): number => Math.ceil(bytes / MiB) * MiB

/**
 * What to expect of an upload of `size` bytes to a store, by the plan that the engine would make for a file.
 *
 * Fails with `InvalidRequest` (a size or option that makes no sense) or `TooLarge` (the store takes no such object).
 *
 * ```ts
 * import { advise } from "@sluice/core/Advice"
 * import { GiB, profiles } from "@sluice/core/Limits"
 * const advice = advise({ size: 50 * GiB }, profiles.aws)
 * ```
 */
export const advise = ({ size, ...given }: AdviceInput, store: Capabilities): Result.Result<Advice, UploadError> =>
  Result.flatMap(engineOptions(given), (options) => {
    const { concurrency, memoryBudget, multipart, multipartThreshold, partSize } = options
    const planned = plan(
      {
        key: "object",
        size,
        partSize,
        multipartThreshold,
        multipart,
        maxPartInMemory: memoryBudget,
        attributes: {},
        condition: {},
        replayable: true,
        twoPasses: true
      },
      store
    )
    return Result.flatMap(planned, ({ layout, mode }) => {
      const { limits } = store
      const minPartSize = Math.max(limits.minPartSize, roundUpToMiB(Math.ceil(size / limits.maxParts)))
      if (minPartSize > limits.maxPartSize) {
        return Result.fail(
          uploadError({ _tag: "TooLarge", message: `${size} bytes do not fit in ${limits.maxParts} parts` })
        )
      }
      const single = mode === "single"
      const parts = single ? 1 : partCount(layout, size)
      const held = single ? size : layout.partSize * Math.min(concurrency + 1, parts)
      return Result.succeed({
        mode: single ? "single" : "multipart",
        partSize: single ? size : layout.partSize,
        minPartSize,
        maxPartSize: limits.maxPartSize,
        parts,
        maxParts: limits.maxParts,
        memory: Math.min(memoryBudget, held),
        twoPasses: !single && layout.partSize > memoryBudget,
        writeRequests: single ? 1 : parts + 2
      })
    })
  })
