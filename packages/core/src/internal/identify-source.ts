/**
 * What tells one source from another before its bytes are read again.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { MiB } from "../Limits.ts"
import { sha256Hex } from "../platform/hash.ts"
import { type Source, type SourceIdentity, type SourceReader, sourceFailed } from "../Source.ts"
import type { UploadError } from "../UploadError.ts"
import { fromAbortable } from "./from-abortable.ts"

const readAll = async (reader: SourceReader, into: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> => {
  let filled = 0
  while (filled < into.length) {
    if (reader._tag === "Positional") {
      const n = await reader.read([into.subarray(filled)])
      if (n === 0) break
      filled += n
      continue
    }
    if (reader.rest.length === 0) {
      const { done, value } = await reader.next()
      if (done === true) break
      reader.rest = value ?? reader.rest
    }
    const piece = reader.rest.subarray(0, into.length - filled)
    into.set(piece, filled)
    filled += piece.length
    reader.rest = reader.rest.subarray(piece.length)
  }
  return into.subarray(0, filled)
}

/** SHA-256 of `size` bytes from `offset`. */
const digestOf = (source: Source, offset: number, size: number): Effect.Effect<string, UploadError> =>
  Effect.scoped(
    Effect.flatMap(source.open(offset), (reader) =>
      fromAbortable(async () => sha256Hex(await readAll(reader, new Uint8Array(size))), sourceFailed)
    )
  )

/**
 * The source's identity with the SHA-256 of its first and last MiB (DESIGN §5). A source that can be read
 * only once is known by what it says of itself: its bytes are compared as they come.
 */
export const identifySource = (source: Source): Effect.Effect<SourceIdentity | undefined, UploadError> =>
  Effect.gen(function* () {
    const { size } = source
    if (!source.replayable || size === undefined) return source.identity
    const piece = Math.min(MiB, size)
    const headSha256 = yield* digestOf(source, 0, piece)
    const tailSha256 = size <= MiB ? headSha256 : yield* digestOf(source, size - piece, piece)
    return { ...source.identity, size, headSha256, tailSha256 }
  })

/**
 * How `now` shows that it is not the source of `then`, or undefined. A file is its inode and its time of
 * change, wherever it was moved to; a Blob is its name and time.
 */
export const differingIdentity = (then: SourceIdentity, now: SourceIdentity | undefined): string | undefined => {
  if (now === undefined) return undefined
  const differs = <K extends keyof SourceIdentity>(field: K): boolean =>
    then[field] !== undefined && now[field] !== undefined && then[field] !== now[field]
  if (differs("size")) return `it had ${then.size} bytes and now has ${now.size}`
  if (differs("inode")) return "it is another file"
  if (then.inode === undefined && differs("name")) return `it was named "${then.name}" and is now "${now.name}"`
  if (differs("modifiedMs")) return "it was modified since"
  if (differs("headSha256")) return "its first MiB differs"
  if (differs("tailSha256")) return "its last MiB differs"
  return undefined
}
