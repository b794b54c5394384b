/**
 * The pure decision how an object is stored: one PUT or parts, how large, with which headers.
 *
 * @module
 */
import * as Result from "effect/Result"
import type { MultipartMode } from "./Defaults.ts"
import { type Capabilities, MiB } from "./Limits.ts"
import type { ChecksumAlgorithm, ChecksumType, ObjectAttributes, OtherChecksum, WriteCondition } from "./ObjectStore.ts"
import { invalidRequest, type UploadError, uploadError } from "./UploadError.ts"

/**
 * Where each part starts and how large it is, as a function of its number alone; fixed once planned.
 *
 * - `Uniform`: every part but the last has `partSize` bytes.
 * - `Doubling`: `partSize` bytes, twice as many after every `every` parts, up to `maxPartSize`.
 */
export type PartLayout =
  | { readonly _tag: "Uniform"; readonly partSize: number }
  | { readonly _tag: "Doubling"; readonly partSize: number; readonly every: number; readonly maxPartSize: number }

/** How an object is stored. Plugins may change key, attributes and condition in `plan`. */
export interface UploadPlan {
  readonly key: string
  /** `either`: decided by the first part, because the length is unknown. */
  readonly mode: "single" | "multipart" | "either"
  /** Bytes of the source as the store will count them, when known. */
  readonly size: number | undefined
  readonly layout: PartLayout
  readonly attributes: ObjectAttributes
  readonly condition: WriteCondition
  readonly checksum: ChecksumType
  /** What the store is told instead of CRC32. */
  readonly checksumAlgorithm?: OtherChecksum["algorithm"] | undefined
  /** Whether another run can continue this upload: the source can be read again and no hook forbids it. */
  readonly resumable: boolean
}

/** What planning needs to know. Sizes in bytes. */
export interface PlanInput {
  readonly key: string
  readonly size: number | undefined
  /** For unknown lengths: no more than this will come. Makes the layout uniform. */
  readonly maxSize?: number | undefined
  readonly partSize: number
  readonly multipartThreshold: number
  readonly multipart: MultipartMode
  /** Largest part the memory budget can hold. */
  readonly maxPartInMemory: number
  readonly attributes: ObjectAttributes
  readonly condition: WriteCondition
  readonly replayable: boolean
  readonly checksumAlgorithm?: ChecksumAlgorithm | undefined
  /** Parts need not be in memory: the source gives its bytes again from any offset, and no plugin sees whole parts. */
  readonly twoPasses?: boolean | undefined
}

/** Doubling layouts keep a part size for this many parts. */
export const doublingEvery = 1_000

const roundUpToMiB = (bytes: number): number => Math.ceil(bytes / MiB) * MiB

/** Largest object that a layout can hold in `maxParts` parts. */
export const layoutCapacity = (layout: PartLayout, maxParts: number): number => {
  if (layout._tag === "Uniform") return layout.partSize * maxParts
  let capacity = 0
  let size = layout.partSize
  for (let left = maxParts; left > 0 && size <= layout.maxPartSize; left -= layout.every, size *= 2) {
    capacity += size * Math.min(layout.every, left)
  }
  return capacity
}

/** Where part `partNumber` (from 1) starts and how many bytes it holds when it is not the last. */
export const partAt = (layout: PartLayout, partNumber: number): { readonly offset: number; readonly size: number } => {
  if (layout._tag === "Uniform") return { offset: (partNumber - 1) * layout.partSize, size: layout.partSize }
  const step = Math.floor((partNumber - 1) / layout.every)
  const before = layout.partSize * layout.every * (2 ** step - 1)
  const size = layout.partSize * 2 ** step
  return { offset: before + (partNumber - 1 - step * layout.every) * size, size }
}

/** How many parts an object of `size` bytes has (at least 1). */
export const partCount = (layout: PartLayout, size: number): number => {
  if (layout._tag === "Uniform") return Math.max(1, Math.ceil(size / layout.partSize))
  let step = 0
  while (partAt(layout, (step + 1) * layout.every + 1).offset < size) step++
  const first = step * layout.every + 1
  const { offset, size: partSize } = partAt(layout, first)
  return Math.max(1, first - 1 + Math.ceil((size - offset) / partSize))
}

const utf8Length = (value: string): number => new TextEncoder().encode(value).length

/** Printable ASCII: Node writes other characters as Latin-1 or throws, and the signature covers their UTF-8. */
const isHeaderValue = (value: string): boolean => /^[\t\x20-\x7e]*$/.test(value)

const checkAttributes = (attributes: ObjectAttributes, { limits }: Capabilities): string | undefined => {
  const metadata = Object.entries(attributes.metadata ?? {})
  const bytes = metadata.reduce((sum, [name, value]) => sum + utf8Length(name) + utf8Length(value), 0)
  if (bytes > limits.maxMetadataBytes) {
    return `the metadata has ${bytes} bytes, the store takes ${limits.maxMetadataBytes}; shorten it or keep it elsewhere`
  }
  const bad = metadata.find(([name, value]) => !/^[A-Za-z0-9!#$&'*+.^_`|~-]+$/.test(name) || !isHeaderValue(value))
  if (bad !== undefined) {
    return `the metadata "${bad[0]}" cannot be an HTTP header; use letters, digits, - and _ in names and ASCII without line breaks in values, for example encodeURIComponent(value)`
  }
  const { contentType, cacheControl, contentDisposition, contentEncoding, contentLanguage, storageClass } = attributes
  const headers = { contentType, cacheControl, contentDisposition, contentEncoding, contentLanguage, storageClass }
  const header = Object.entries(headers).find(([, value]) => value !== undefined && !isHeaderValue(value))
  if (header !== undefined) {
    return `${header[0]} cannot be an HTTP header; keep to ASCII without line breaks (file names: filename*=UTF-8''…, RFC 6266)`
  }
  const tags = Object.keys(attributes.tags ?? {}).length
  if (tags > limits.maxTags) return `${tags} tags were given, the store takes ${limits.maxTags}`
  return undefined
}

const checkKey = (key: string, { limits }: Capabilities): string | undefined => {
  if (key === "") return "the key is empty; name the object, for example talks/intro.mp4"
  const bytes = utf8Length(key)
  if (bytes > limits.maxKeyBytes) return `the key has ${bytes} bytes, the store takes ${limits.maxKeyBytes}`
  if (key.includes("\0")) return "the key holds a NUL character; remove it"
  if (!key.isWellFormed()) return "the key holds half a character (a lone surrogate); correct its encoding"
  // URL parsers resolve them (WHATWG URL §4.4), and MinIO refuses them: the object would land elsewhere or nowhere.
  if (key.split("/").some((segment) => segment === "." || segment === "..")) {
    return `the key "${key}" holds a . or .. segment, which URLs resolve; remove it`
  }
  return undefined
}

const checkSize = (name: string, bytes: number | undefined): string | undefined =>
  bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0)
    ? undefined
    : `a ${name} of ${bytes} bytes makes no sense; declare the real one or none`

const checkInput = (input: PlanInput, store: Capabilities): UploadError | undefined => {
  const { limits } = store
  const problem =
    checkKey(input.key, store) ??
    checkAttributes(input.attributes, store) ??
    (!Number.isSafeInteger(input.partSize) || input.partSize < limits.minPartSize
      ? `a part size of ${input.partSize} bytes is below the store's minimum of ${limits.minPartSize} (5 MiB); raise it`
      : undefined) ??
    (input.partSize > limits.maxPartSize
      ? `a part size of ${input.partSize} bytes is above the store's maximum of ${limits.maxPartSize}; lower it`
      : undefined) ??
    checkSize("size", input.size) ??
    checkSize("maxSize", input.maxSize) ??
    (input.size !== undefined && input.maxSize !== undefined && input.size > input.maxSize
      ? `the size of ${input.size} bytes is above the maxSize of ${input.maxSize}; correct one of them`
      : undefined) ??
    (!store.conditionalWrites && (input.condition.ifMatch ?? input.condition.ifNoneMatch) !== undefined
      ? `the store (${store.provider}) does not honour If-Match and If-None-Match; remove the condition`
      : undefined) ??
    (store.checksum === "none" && (input.checksumAlgorithm ?? "CRC32") !== "CRC32"
      ? `the store (${store.provider}) takes no ${input.checksumAlgorithm}; leave checksumAlgorithm out`
      : undefined)
  if (problem !== undefined) return invalidRequest(problem, { key: input.key })
  const size = input.size ?? input.maxSize
  if (size !== undefined && size > limits.maxObjectSize) {
    return uploadError(
      {
        _tag: "TooLarge",
        message: `${size} bytes are more than the store takes in one object (${limits.maxObjectSize})`
      },
      { key: input.key }
    )
  }
  return undefined
}

const layoutOf = (input: PlanInput, store: Capabilities): PartLayout => {
  const size = input.size ?? input.maxSize
  if (size !== undefined) {
    return {
      _tag: "Uniform",
      partSize: Math.max(input.partSize, roundUpToMiB(Math.ceil(size / store.limits.maxParts)))
    }
  }
  if (store.uniformParts) return { _tag: "Uniform", partSize: input.partSize }
  return {
    _tag: "Doubling",
    partSize: input.partSize,
    every: doublingEvery,
    maxPartSize: Math.min(store.limits.maxPartSize, input.maxPartInMemory)
  }
}

const modeOf = (input: PlanInput, store: Capabilities): UploadPlan["mode"] | UploadError => {
  if (input.multipart === "always") return "multipart"
  if (input.multipart === "never") {
    return input.size !== undefined && input.size > store.limits.maxPutSize
      ? uploadError(
          {
            _tag: "TooLarge",
            message: `${input.size} bytes do not fit in one PUT (${store.limits.maxPutSize}); allow multipart`
          },
          { key: input.key }
        )
      : "single"
  }
  if (input.size === undefined) return "either"
  // Zero bytes cannot be a part: S3 wants at least one, so the object is a PUT.
  if (input.size === 0) return "single"
  const largestPut = Math.min(store.limits.maxPutSize, input.maxPartInMemory)
  return input.size < input.multipartThreshold && input.size <= largestPut ? "single" : "multipart"
}

/** CRC64NVME is never COMPOSITE (Amazon S3 User Guide, "Checking object integrity in Amazon S3"). */
const checksumOf = (
  algorithm: ChecksumAlgorithm,
  { checksum }: Capabilities
): Pick<UploadPlan, "checksum" | "checksumAlgorithm"> => {
  if (checksum === "none") return { checksum: "none" }
  const type = checksum === "composite" && algorithm !== "CRC64NVME" ? "COMPOSITE" : "FULL_OBJECT"
  return algorithm === "CRC32" ? { checksum: type } : { checksum: type, checksumAlgorithm: algorithm }
}

/**
 * Decides how an object is stored, or says what is wrong with the request. Pure, instant at any size.
 *
 * Fails with `InvalidRequest` (key, metadata, part size, size) or `TooLarge`.
 */
export const plan = (input: PlanInput, store: Capabilities): Result.Result<UploadPlan, UploadError> => {
  const problem = checkInput(input, store)
  if (problem !== undefined) return Result.fail(problem)
  const mode = modeOf(input, store)
  if (typeof mode !== "string") return Result.fail(mode)
  const layout = layoutOf(input, store)
  const largest = mode === "single" ? (input.size ?? 0) : layout.partSize
  if (largest > input.maxPartInMemory && !(input.twoPasses === true && input.size !== undefined)) {
    return Result.fail(
      uploadError(
        {
          _tag: "TooLarge",
          message: `parts of ${largest} bytes are needed but the memory budget holds ${input.maxPartInMemory} at once; raise memoryBudget, or send a file or Blob without plugins that see its parts`
        },
        { key: input.key }
      )
    )
  }
  return Result.succeed({
    key: input.key,
    mode,
    size: input.size,
    layout,
    attributes: input.attributes,
    condition: input.condition,
    ...checksumOf(input.checksumAlgorithm ?? "CRC32", store),
    resumable: input.replayable
  })
}

/**
 * A plan that plugins have changed must still be one that the store takes. `overhead`: bytes that hooks add to a part, and
 * `by` whom.
 */
export const recheck = (
  plan: UploadPlan,
  store: Capabilities,
  overhead: number,
  by: ReadonlyArray<string> = []
): Result.Result<UploadPlan, UploadError> => {
  const { limits } = store
  const largest = plan.layout.partSize + overhead
  const problem =
    checkKey(plan.key, store) ??
    checkAttributes(plan.attributes, store) ??
    (largest > limits.maxPartSize
      ? `parts of ${largest} bytes${by.length === 0 ? "" : `, as plugin "${by.join('" and "')}" makes them`}, are above the store's maximum of ${limits.maxPartSize}; lower the part size`
      : undefined)
  return problem === undefined ? Result.succeed(plan) : Result.fail(invalidRequest(problem, { key: plan.key }))
}
