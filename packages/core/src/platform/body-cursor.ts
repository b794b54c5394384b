import type { ExchangeRequest } from "./exchange.ts"
import { makeSliceCursor, type SliceCursor } from "./slice-cursor.ts"

/** A place in a request's body: in its slices, and then in what is read while it is sent. */
export interface BodyCursor extends SliceCursor {
  /** Whether all that is at hand was taken and more is to come. */
  readonly dry: () => boolean
  /** Reads on when it is dry. What was taken before may have other bytes from now on. */
  readonly refill: () => Promise<void>
  /** Gives back what reading holds. Nothing that was taken may be on its way any more. */
  readonly close: () => Promise<void>
}

/** A cursor at the start of the body. */
export const makeBodyCursor = ({
  body,
  headers,
  open
}: Pick<ExchangeRequest, "body" | "headers" | "open">): BodyCursor => {
  const slices = makeSliceCursor(body)
  if (open === undefined) {
    return { ...slices, dry: () => false, refill: () => Promise.resolve(), close: () => Promise.resolve() }
  }
  const chunks = open()[Symbol.asyncIterator]()
  let current = slices
  let left = Number(headers["content-length"])
  return {
    ahead: (most) => current.ahead(most),
    take: (bytes) => {
      const taken = current.take(bytes)
      for (const slice of taken) left -= slice.length
      return taken
    },
    ended: () => left <= 0,
    dry: () => left > 0 && current.ended(),
    refill: async () => {
      const { done, value } = await chunks.next()
      if (done === true) throw new Error(`the body ended ${left} bytes early`)
      current = makeSliceCursor([value])
    },
    close: async () => {
      await chunks.return?.()
    }
  }
}
