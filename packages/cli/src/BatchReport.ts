/**
 * What a batch says: a line for each item, or JSON, and a summary.
 *
 * @module
 */
import { isUploadError } from "@sluice/core/UploadError"
import { exitCode, type World } from "./Command.ts"
import { printable } from "./progress-line.ts"
import { formatSeconds, formatSize } from "./units.ts"

/** What became of one item; the words are those of `--json`. */
export interface ItemReport {
  /** The file or object that it began with. */
  readonly from: string
  readonly to?: string | undefined
  readonly result: "done" | "skipped" | "failed" | "stopped" | "planned"
  /** Bytes. */
  readonly size?: number | undefined
  /** The last word on an item that is done; why, on others. */
  readonly words: string
  readonly reason?: string | undefined
  /** A session that `sluice resume` goes on with. */
  readonly kept?: string | undefined
}

interface Kept {
  readonly kept: string | undefined
  readonly goOn: string | undefined
}

export interface BatchReport {
  readonly tell: (item: ItemReport) => void
  /** `goOn`: the command line that goes on with what is kept. */
  readonly fail: (from: string, error: unknown, kept?: Kept) => void
  /** The summary; answers with the exit code. */
  readonly end: () => number
}

const reasonOf = (error: unknown): string | undefined => (isUploadError(error) ? error.reason._tag : undefined)

/** `verb`: what is done to items, as `stored`. */
export const makeBatchReport = (verb: string, json: boolean, { err, out, signal, status }: World): BatchReport => {
  const began = performance.now()
  const counts = { done: 0, skipped: 0, failed: 0, stopped: 0, planned: 0 }
  let bytes = 0
  const words = (): string =>
    [
      counts.planned > 0 ? `${counts.planned} would be ${verb}` : `${counts.done} ${verb}`,
      `(${formatSize(bytes)})`,
      ...(counts.skipped > 0 ? [`${counts.skipped} skipped`] : []),
      ...(counts.failed > 0 ? [`${counts.failed} failed`] : []),
      ...(counts.stopped > 0 ? [`${counts.stopped} stopped`] : [])
    ].join("  ")

  const tell = (item: ItemReport): void => {
    const { from, kept, result, size, to, words: text } = item
    counts[result]++
    if (result === "done" || result === "planned") bytes += size ?? 0
    if (json) {
      const { words: message, ...rest } = item
      out(JSON.stringify({ ...rest, message }))
      return
    }
    status?.(() => "")
    if (result === "failed") err(`sluice: ${printable(from)}: ${printable(text)}`)
    else if (result === "stopped") err(`sluice: ${printable(from)}: stopped${kept === undefined ? "" : ", kept"}`)
    else out([printable(to ?? from), ...(text === "" ? [] : [printable(text)])].join("  "))
    status?.((columns) => words().slice(0, Math.max(0, columns - 1)))
  }
  return {
    tell,
    fail: (from, error, { goOn, kept } = { goOn: undefined, kept: undefined }) => {
      const message = (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, " ")
      const words = goOn === undefined ? message : `${message}; kept, go on with: ${goOn}`
      tell({ from, result: "failed", words, reason: reasonOf(error), kept })
    },
    end: () => {
      status?.(() => "")
      const seconds = (performance.now() - began) / 1000
      if (json) out(JSON.stringify({ summary: counts, bytes, seconds }))
      // One item has said it all.
      else if (Object.values(counts).reduce((sum, count) => sum + count, 0) !== 1)
        out(`${words()}  in ${formatSeconds(seconds)}`)
      return signal.aborted ? exitCode.stopped : counts.failed > 0 ? exitCode.failed : exitCode.done
    }
  }
}
