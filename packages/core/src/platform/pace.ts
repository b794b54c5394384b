/** How many bytes are handed to the socket at once. */
export interface Pace {
  readonly batch: () => number
  /** The socket took a batch, in so many milliseconds. */
  readonly taken: (elapsedMs: number) => void
  /** An attempt was ended: whoever ended it may have seen silence, so the next says more. */
  readonly fallBack: () => void
}

const least = 1024 * 1024
const most = 8 * least
const quickMs = 200
const slowMs = 2_000

/**
 * The socket says only when it has taken all of a batch, so large ones cost less and say less: on a slow line
 * the watchdog would see silence. It starts small, doubles while the line takes a batch in no time, and
 * falls back when it does not (`docs/decisions/0016`).
 */
export const makePace = (): Pace => {
  let batch = least
  return {
    batch: () => batch,
    taken: (elapsedMs) => {
      if (elapsedMs < quickMs) batch = Math.min(most, batch * 2)
      else if (elapsedMs > slowMs) batch = Math.max(least, batch / 2)
    },
    fallBack: () => {
      batch = least
    }
  }
}
