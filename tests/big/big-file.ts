import { createCipheriv, createHash } from "node:crypto"
import { open } from "node:fs/promises"

export const MiB = 1024 * 1024

/** Writes `size` bytes that repeat nowhere and answers with their SHA-256. The same size gives the same bytes. */
export const writeFileOf = async (path: string, size: number): Promise<string> => {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16))
  const hash = createHash("sha256")
  const zeros = Buffer.alloc(MiB)
  await using file = await open(path, "w")
  for (let left = size; left > 0; left -= MiB) {
    const block = cipher.update(zeros.subarray(0, Math.min(MiB, left)))
    hash.update(block)
    await file.writeFile(block)
  }
  return hash.digest("hex")
}
