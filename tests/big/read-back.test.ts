/**
 * Compressed and sealed, downloaded by a process that is killed amid it, and by another to the end: identical.
 * SLUICE_BIG_MIB sets the size, which memory must not depend on: see docs/reading.md.
 */
import { execFile, spawn } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { once } from "node:events"
import { createReadStream } from "node:fs"
import { open, readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { Source } from "@sluice/core/promise"
import { diskStore, startS3 } from "@sluice/testkit"
import { expect, it, onTestFinished } from "vitest"
import { MiB } from "./big-file.ts"
import { openSluice, type ReadBack, transfer } from "./read-back.ts"
import { makeDirectory } from "./temp-directory.ts"

const bigMiB = Number(process.env["SLUICE_BIG_MIB"] ?? 64)
const child = new URL("./read-back.ts", import.meta.url).pathname

/** Of each MiB a half is random: it compresses, and not to nothing. */
const writeHalfRandom = async (path: string): Promise<string> => {
  const hash = createHash("sha256")
  await using file = await open(path, "w")
  for (let i = 0; i < bigMiB; i++) {
    const block = Buffer.alloc(MiB, `sluice ${i} `)
    block.set(randomBytes(MiB / 2), (i % 3) * 1_000)
    hash.update(block)
    await file.writeFile(block)
  }
  return hash.digest("hex")
}

const sha256 = async (path: string): Promise<string> => {
  const hash = createHash("sha256")
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest("hex")
}

it("comes back identical through decryption and decompression after SIGKILL", async () => {
  const { path, remove } = await makeDirectory()
  onTestFinished(remove)
  await using server = await startS3({ buckets: ["media"], store: diskStore(join(path, "store")) })
  const { endpoint, region, credentials } = server
  const work: ReadBack = {
    store: { bucket: "media", endpoint, region, credentials },
    key: "log",
    to: join(path, "file"),
    secret: randomBytes(32).toString("hex")
  }
  const original = await writeHalfRandom(join(path, "original"))
  await using sluice = openSluice(work)
  const stored = await sluice.upload({ key: work.key, body: Source.file(join(path, "original")) }).done()
  expect(stored.size).toBeLessThan(0.7 * bigMiB * MiB)

  const first = spawn(process.execPath, [child, JSON.stringify(work)], { stdio: "ignore" })
  const partial = `${work.to}.sluice-part`
  const written = async (): Promise<number> => (await stat(partial).catch(() => ({ size: 0 }))).size
  await expect.poll(written, { timeout: 300_000, interval: 5 }).toBeGreaterThan((bigMiB / 4) * MiB)
  first.kill("SIGKILL")
  await once(first, "exit")
  expect(first.signalCode).toBe("SIGKILL")

  const { stdout } = await promisify(execFile)(process.execPath, [child, JSON.stringify(work)])
  const end: { readonly found: number; readonly size: number; readonly idle: number; readonly peak: number } =
    JSON.parse(stdout)
  console.info(`${bigMiB} MiB, stored in ${Math.round(stored.size / MiB)}; ${stdout}`)
  expect(end.size).toBe(bigMiB * MiB)
  expect(end.found).toBeGreaterThan(0)
  // The formula, and 32 MiB where plugins stand between.
  const { concurrency, memoryBudget, partSize } = transfer
  expect(end.peak - end.idle).toBeLessThanOrEqual(Math.min(memoryBudget, partSize * (concurrency + 1)) / MiB + 32 + 32)
  expect(await sha256(work.to)).toBe(original)
  expect(await readdir(path)).toEqual(["file", "original", "store"])
}, 3_600_000)
