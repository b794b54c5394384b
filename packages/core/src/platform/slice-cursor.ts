/** A place in a list of slices, which are read from there on and never copied. */
export interface SliceCursor {
  /** Bytes that are left, `most` at most. */
  readonly ahead: (most: number) => number
  /** The next `bytes` bytes: whole slices where they end with them, else views of their parts. */
  readonly take: (bytes: number) => ReadonlyArray<Uint8Array>
  /** Whether nothing is left. */
  readonly ended: () => boolean
}

/** A cursor at the start of `slices`. */
export const makeSliceCursor = (slices: ReadonlyArray<Uint8Array>): SliceCursor => {
  let index = 0
  let offset = 0
  let left = slices.reduce((sum, slice) => sum + slice.length, 0)

  const takeOne = (most: number): Uint8Array | undefined => {
    const slice = slices[index]
    if (slice === undefined) return undefined
    const end = Math.min(slice.length, offset + most)
    const view = offset === 0 && end === slice.length ? slice : slice.subarray(offset, end)
    if (end === slice.length) index++
    offset = end === slice.length ? 0 : end
    left -= view.length
    return view
  }

  return {
    ahead: (most) => Math.min(most, left),
    take: (bytes) => {
      const taken: Array<Uint8Array> = []
      for (let wanted = bytes; wanted > 0; ) {
        const view = takeOne(wanted)
        if (view === undefined) break
        taken.push(view)
        wanted -= view.length
      }
      return taken
    },
    ended: () => left === 0
  }
}
