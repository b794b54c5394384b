/**
 * What a batch says: a line for each item, or JSON, and a summary.
 *
 * @module
 */
import { isUploadError } from "@sluice/core/UploadError"
import { exitCode, type Flag, type World } from "./Command.ts"
import { printable } from "./progress-line.ts"
import { makeUnderWay } from "./UnderWay.ts"
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

export interface ReportOptions {
  /** What is done to items, as `stored`. */
  readonly verb: string
  /** Lines of JSON instead of words. */
  readonly json?: boolean | undefined
  /** No line for an item that went well. */
  readonly quiet?: boolean | undefined
  /** Milliseconds, since whenever. */
  readonly now?: () => number
}

export interface BatchReport {
  /** How far an item is that is under way, in bytes; shown beside the counts where there is a terminal. */
  readonly moved: (from: string, bytes: number, total: number | undefined) => void
  readonly tell: (item: ItemReport) => void
  /** `goOn`: the command line that goes on with what is kept. */
  readonly fail: (from: string, error: unknown, kept?: Kept) => void
  /** The summary; answers with the exit code. */
  readonly end: () => number
}

/** The flag of what reports so. */
export const quiet = {
  type: "boolean",
  short: "q",
  help: "no line for what went well: only failures, and the summary of several"
} as const satisfies Flag

const reasonOf = (error: unknown): string | undefined => (isUploadError(error) ? error.reason._tag : undefined)

/** Shortest time between two drawings of what is under way, in milliseconds. */
const drawEveryMs = 100

export const makeBatchReport = (
  { json = false, now = () => performance.now(), quiet = false, verb }: ReportOptions,
  { err, out, signal, status }: World
): BatchReport => {
  const began = now()
  const counts = { done: 0, skipped: 0, failed: 0, stopped: 0, planned: 0 }
  let bytes = 0
  const countWords = (): string =>
    [
      counts.planned > 0 ? `${counts.planned} would be ${verb}` : `${counts.done} ${verb}`,
      `(${formatSize(bytes)})`,
      ...(counts.skipped > 0 ? [`${counts.skipped} skipped`] : []),
      ...(counts.failed > 0 ? [`${counts.failed} failed`] : []),
      ...(counts.stopped > 0 ? [`${counts.stopped} stopped`] : [])
    ].join("  ")

  const underWay = makeUnderWay(now)
  let drawn = Number.NEGATIVE_INFINITY
  const ended = (): number => Object.values(counts).reduce((sum, count) => sum + count, 0)
  const draw = (): void => {
    drawn = now()
    status?.((columns) => {
      const words = [ended() === 0 ? "" : countWords(), underWay.words(bytes)].filter((words) => words !== "")
      return words.join("  ").slice(0, Math.max(0, columns - 1))
    })
  }

  const tell = (item: ItemReport): void => {
    const { from, kept, result, size, to, words: text } = item
    underWay.ended(from)
    counts[result]++
    if (result === "done" || result === "planned") bytes += size ?? 0
    const says = !quiet || result === "failed" || result === "stopped"
    if (json) {
      const { words: message, ...rest } = item
      if (says) out(JSON.stringify({ ...rest, message }))
      return
    }
    if (says) {
      status?.(() => "")
      if (result === "failed") err(`sluice: ${printable(from)}: ${printable(text)}`)
      else if (result === "stopped") err(`sluice: ${printable(from)}: stopped${kept === undefined ? "" : ", kept"}`)
      else out([printable(to ?? from), ...(text === "" ? [] : [printable(text)])].join("  "))
    }
    draw()
  }
  return {
    tell,
    moved: (from, bytes, total) => {
      underWay.moved(from, bytes, total)
      if (!json && now() - drawn >= drawEveryMs) draw()
    },
    fail: (from, error, { goOn, kept } = { goOn: undefined, kept: undefined }) => {
      const message = (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, " ")
      const words = goOn === undefined ? message : `${message}; kept, go on with: ${goOn}`
      tell({ from, result: "failed", words, reason: reasonOf(error), kept })
    },
    end: () => {
      status?.(() => "")
      const seconds = (now() - began) / 1000
      if (json) out(JSON.stringify({ summary: counts, bytes, seconds }))
      // One item has said it all.
      else if (ended() !== 1) out(`${countWords()}  in ${formatSeconds(seconds)}`)
      return signal.aborted ? exitCode.stopped : counts.failed > 0 ? exitCode.failed : exitCode.done
    }
  }
}
