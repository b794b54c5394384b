/**
 * What runs in a digest worker: each message hashes some more bytes, each answer says that they may change now.
 *
 * @module
 */
import type { DigestAnswer, DigestRequest } from "./digest-workers.ts"
import { createHash, type Hash } from "./hash.ts"
import { builtin } from "./node-builtins.ts"

const port = builtin("node:worker_threads")?.parentPort
const hashes = new Map<number, Hash>()

port?.on("message", ({ id, algorithm, slices, end }: DigestRequest) => {
  const hash = hashes.get(id) ?? createHash(algorithm)
  for (const slice of slices) hash?.update(slice)
  if (end) hashes.delete(id)
  else if (hash !== undefined) hashes.set(id, hash)
  port.postMessage({ id, hex: end ? hash?.digest("hex") : undefined } satisfies DigestAnswer)
})
// Until this arrives nothing is given to the thread: one that cannot start costs nobody anything.
port?.postMessage("ready")
