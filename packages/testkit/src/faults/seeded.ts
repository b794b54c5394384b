import { hash } from "node:crypto"

/**
 * Numbers in [0, 1) that depend on a seed and a subject, and on nothing that happened before: a rule decides the same
 * for a request in whatever order requests arrive.
 */
export function seeded(seed: number, ...subject: ReadonlyArray<unknown>): () => number {
  const name = JSON.stringify([seed, ...subject])
  let drawn = 0
  return () => Number.parseInt(hash("sha256", `${name} ${drawn++}`, "hex").slice(0, 8), 16) / 2 ** 32
}
