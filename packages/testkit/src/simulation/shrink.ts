/**
 * A smallest list that still does it: without any one of its entries it does not any more.
 *
 * "Simplifying and Isolating Failure-Inducing Input", Zeller and Hildebrandt, 2002 (ddmin).
 */
export const shrink = async <A>(
  all: ReadonlyArray<A>,
  stillFails: (some: ReadonlyArray<A>) => Promise<boolean>
): Promise<ReadonlyArray<A>> => {
  if (await stillFails([])) return []
  let list = all
  for (let pieces = 2; list.length >= 2; ) {
    const size = Math.ceil(list.length / pieces)
    let smaller: ReadonlyArray<A> | undefined
    for (let from = 0; from < list.length && smaller === undefined; from += size) {
      const rest = [...list.slice(0, from), ...list.slice(from + size)]
      if (await stillFails(rest)) smaller = rest
    }
    if (smaller !== undefined) {
      list = smaller
      pieces = Math.max(2, pieces - 1)
    } else if (size === 1) {
      return list
    } else {
      pieces = Math.min(list.length, 2 * pieces)
    }
  }
  return list
}
