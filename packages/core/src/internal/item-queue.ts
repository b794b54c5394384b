import type { BatchItems } from "../Batch.ts"

/** Hands out the items of a batch. */
export interface ItemQueue<I> {
  /** The next item for a place that takes all, or small ones while there are any; undefined when none is left. */
  readonly next: (takes: "small" | "any") => Promise<{ readonly item: I } | undefined>
  /** Lets go of the iterator. */
  readonly close: () => Promise<void>
}

/** How many large items are held while a small one is looked for. */
const lookAhead = 64

const iteratorOf = <I>(items: BatchItems<I>): AsyncIterator<I> | Iterator<I> =>
  Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()

/**
 * In order, but for large items that a place for small ones finds: these wait for a place that takes all. When there
 * are no small ones any more, or too many large ones wait, every place takes large ones.
 */
export const makeItemQueue = <I>(items: BatchItems<I>, isLarge: (item: I) => boolean): ItemQueue<I> => {
  const iterator = iteratorOf(items)
  const waiting: Array<{ readonly item: I }> = []
  let ended = false
  let pulling: Promise<unknown> = Promise.resolve()

  const advance = async (): Promise<{ readonly item: I } | undefined> => {
    if (ended) return undefined
    try {
      const { done, value } = await iterator.next()
      if (done !== true) return { item: value }
    } catch (error) {
      ended = true
      throw error
    }
    ended = true
    return undefined
  }
  /** One at a time: an iterator need not bear more. */
  const pull = (): Promise<{ readonly item: I } | undefined> => {
    const pulled = pulling.then(advance)
    pulling = pulled.catch(() => undefined)
    return pulled
  }
  const first = (): { readonly item: I } | undefined => waiting.shift()

  return {
    next: async (takes) => {
      while (true) {
        const waited = takes === "any" || waiting.length >= lookAhead ? first() : undefined
        if (waited !== undefined) return waited
        const pulled = await pull()
        if (pulled === undefined) return first()
        if (takes === "any" || !isLarge(pulled.item)) return pulled
        waiting.push(pulled)
      }
    },
    close: async () => {
      if (ended) return
      ended = true
      await iterator.return?.()
    }
  }
}
