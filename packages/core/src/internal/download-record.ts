/**
 * What is finished of a download: one sealed line a range, durable before it counts, beside the file.
 *
 * @module
 */
import type { DurableFiles } from "../platform/durable-files.ts"
import { groupCommit } from "./group-commit.ts"
import type { Range } from "./plan-ranges.ts"
import { seal, unseal } from "./seal.ts"

/** Which bytes a file is to have. */
export interface DownloadIdentity {
  readonly format: 1
  readonly bucket: string
  readonly key: string
  readonly etag: string
  readonly versionId: string | null
  /** Bytes of the stored object. */
  readonly size: number
  /** Where the wanted bytes begin, and how many they are at most. */
  readonly offset: number
  readonly length: number | null
  /** Plugins whose work is undone. */
  readonly plugins: ReadonlyArray<string>
}

/** A range that is on disk. */
export interface FinishedRange extends Range {
  readonly crc32: number
}

export interface DownloadRecord {
  /** What an earlier run finished of the same bytes. */
  readonly finished: ReadonlyArray<FinishedRange>
  readonly add: (range: FinishedRange) => Promise<void>
}

const parsed = (line: string): unknown => {
  const text = unseal(line)
  return text === undefined ? undefined : JSON.parse(text)
}

const isCount = (u: unknown): u is number => typeof u === "number" && Number.isSafeInteger(u) && u >= 0

const isFinished = (u: unknown): u is FinishedRange =>
  typeof u === "object" &&
  u !== null &&
  "offset" in u &&
  "size" in u &&
  "crc32" in u &&
  isCount(u.offset) &&
  isCount(u.size) &&
  isCount(u.crc32)

/** The lines of a record of these bytes; undefined for one of others. A line that a crash tore is the last. */
const read = (text: string, identity: DownloadIdentity): ReadonlyArray<FinishedRange> | undefined => {
  const [first = "", ...lines] = text.split("\n")
  if (first !== seal(JSON.stringify(identity))) return undefined
  return lines.flatMap((line) => {
    const range = parsed(line)
    return isFinished(range) ? [range] : []
  })
}

/** The record of a download at `path`: the earlier one where it is of the same bytes, else a new one. */
export const openDownloadRecord = async (
  files: DurableFiles,
  path: string,
  identity: DownloadIdentity
): Promise<DownloadRecord> => {
  const text = await files.read(path)
  const finished = text === undefined ? undefined : read(text, identity)
  if (finished === undefined) {
    await files.remove(path)
    await files.create(path, `${seal(JSON.stringify(identity))}\n`)
  }
  const append = groupCommit(files.append)
  return {
    finished: finished ?? [],
    add: async ({ offset, size, crc32 }) => {
      // A line break first: what a crash tore ends there.
      await append(path, `\n${seal(JSON.stringify({ offset, size, crc32 }))}`)
    }
  }
}
