import { safeMessage } from "./safe-message.ts"

const deepest = 4

/**
 * What was thrown, fit to be printed with our error. The SDK's exceptions carry every field of the store's answer,
 * and AWS repeats there the request that was signed, session token included (S3 API Reference, "Error responses").
 * Name, code, words and stack stay.
 */
export const safeCause = (cause: unknown, depth = 0): Error | undefined => {
  if (!(cause instanceof Error) || depth > deepest) return undefined
  const inner = safeCause(cause.cause, depth + 1)
  const safe = new Error(safeMessage(cause.message), inner === undefined ? {} : { cause: inner })
  safe.name = cause.name
  const frames = cause.stack?.match(/^\s+at .*$/gm) ?? []
  safe.stack = [`${safe.name}: ${safe.message}`, ...frames].join("\n")
  return "code" in cause && typeof cause.code === "string" ? Object.assign(safe, { code: cause.code }) : safe
}
