/**
 * Whether a part is the last one, asked before it is sealed: who encrypts an object seals its end with it.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { type SourceReader, sourceFailed } from "../Source.ts"
import type { UploadError } from "../UploadError.ts"
import { type FilledPart, noBytes } from "./fill-part.ts"
import { fromAbortable } from "./from-abortable.ts"
import type { UploadRun } from "./upload-run.ts"

/** Pulls until there are bytes, which wait in `rest`, or the end. */
const hasEnded = async (reader: SourceReader, signal: AbortSignal): Promise<boolean> => {
  if (reader._tag === "Positional") return false
  while (reader.rest.length === 0) {
    const { done, value } = await reader.next()
    signal.throwIfAborted()
    if (done === true) return true
    if (!(value instanceof Uint8Array)) throw noBytes(value)
    reader.rest = value
  }
  return false
}

/**
 * Whether no part follows `part`. By the length where it is known; else by a look at the next chunk, which only runs
 * with `part` hooks wait for (`openSource` gives those readers in chunks).
 */
export const isLast = (
  run: Pick<UploadRun, "hooks" | "session">,
  reader: SourceReader,
  offset: number,
  part: FilledPart
): Effect.Effect<boolean, UploadError> => {
  const { size } = run.session()
  if (part.ended || run.hooks.part.length === 0) return Effect.succeed(part.ended)
  if (size !== undefined) return Effect.succeed(offset + part.size >= size)
  return fromAbortable((signal) => hasEnded(reader, signal), sourceFailed)
}
