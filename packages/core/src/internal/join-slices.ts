/**
 * Slices as one.
 *
 * @module
 */
import { isShared } from "./slab-pool.ts"

/** Bytes in all. */
export const lengthOf = (slices: ReadonlyArray<Uint8Array>): number =>
  slices.reduce((sum, { length }) => sum + length, 0)

/** One view of all bytes; a copy only where they lie apart or on shared memory, of which WebCrypto takes none. */
export const joinSlices = (slices: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [only] = slices
  if (slices.length === 1 && only !== undefined && !isShared(only)) return only
  const whole = new Uint8Array(lengthOf(slices))
  let at = 0
  for (const slice of slices) {
    whole.set(slice, at)
    at += slice.length
  }
  return whole
}
