import type { QueueSize } from "../SluiceOptions.ts"
import { invalidRequest, type UploadError } from "../UploadError.ts"

/** `queueSize` by its name here, or what cannot be meant. */
export const withConcurrency = <O extends QueueSize & { readonly concurrency?: number | undefined }>({
  queueSize,
  ...options
}: O): Omit<O, "queueSize"> | UploadError => {
  if (queueSize === undefined) return options
  return options.concurrency === undefined
    ? { ...options, concurrency: queueSize }
    : invalidRequest("queueSize is another name for concurrency; give one of them")
}
