/**
 * Keeps V8 from collecting the whole heap for the sake of chunks that are garbage already.
 *
 * @module
 */
import { builtin } from "./node-builtins.ts"

/** Bytes of chunks between two collections. V8 marks the whole heap when 64 MiB of memory outside it were allocated. */
const everyBytes = 8 * 1024 * 1024

type Collect = (options: { readonly type: "minor" }) => void

const isCollect = (value: unknown): value is Collect => typeof value === "function"

/**
 * V8's own `gc`, as its shell and test runners have it. The flag is set for the moment in which a context is made:
 * it decides only whether a new context gets the function.
 */
const findCollect = (): Collect | undefined => {
  if (isCollect(globalThis.gc)) return globalThis.gc
  const v8 = "Bun" in globalThis ? undefined : builtin("node:v8")
  const vm = builtin("node:vm")
  if (v8 === undefined || vm === undefined) return undefined
  try {
    v8.setFlagsFromString("--expose-gc")
    const found: unknown = vm.runInNewContext("globalThis.gc")
    v8.setFlagsFromString("--no-expose-gc")
    return isCollect(found) ? found : undefined
  } catch {
    // A runtime that does not let us: V8 does as it likes.
    return undefined
  }
}

let collect: Collect | undefined
let looked = false
let bytesSince = 0

/**
 * Told of `bytes` in chunks that somebody allocated and nobody needs any more.
 *
 * A chunk is a small object that owns memory outside the heap. Chunks do not fill the young generation, so it is not
 * collected, until V8 marks everything that lives in the process to free memory that a glance at the newest
 * objects would have freed: 16 times a GiB, each time the longer the larger the program's heap. Collecting the newest
 * every 8 MiB of chunks takes less than a millisecond (`docs/decisions/0017`, `0066`).
 */
export const collectYoung = (bytes: number): void => {
  bytesSince += bytes
  if (bytesSince < everyBytes) return
  bytesSince = 0
  if (!looked) {
    looked = true
    collect = findCollect()
  }
  collect?.({ type: "minor" })
}
