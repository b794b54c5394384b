/**
 * Many small files and one large one by one command: `npm run test:big`, or after a build this file alone.
 * SLUICE_BIG_MIB sets the size of the large file (5,120 by default), SLUICE_SMALL_FILES how many small ones (10,000).
 *
 * One file cannot be read: it must be the only failure. Prints how long it took, the peak of memory, and how many of the
 * small files were stored before the large one was.
 */
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { mkdir, mkdtemp, open, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { diskStore, startS3 } from "@sluice/testkit/store"

const MiB = 2 ** 20
const bigMiB = Number(process.env["SLUICE_BIG_MIB"] ?? 5_120)
const small = Number(process.env["SLUICE_SMALL_FILES"] ?? 10_000)
const bin = join(import.meta.dirname, "../../packages/cli/bin/sluice.js")

const directory = await mkdtemp(join(tmpdir(), "sluice-many-"))
const credentials = { accessKeyId: "sluice", secretAccessKey: "sluicesecret" }
const server = await startS3({ store: diskStore(join(directory, "store")), buckets: ["media"], credentials })

try {
  const source = join(directory, "source")
  for (let i = 0; i < small; i++) {
    if (i % 100 === 0) await mkdir(join(source, String(i / 100)), { recursive: true })
    await writeFile(join(source, String(Math.floor(i / 100)), `${i}.txt`), `small file number ${i}`)
  }
  // Zeros that take no disk of their own.
  const big = await open(join(source, "big.bin"), "w")
  await big.truncate(bigMiB * MiB)
  await big.close()
  await symlink("nowhere", join(source, "unreadable"))

  const began = performance.now()
  const child = spawn(
    process.execPath,
    [bin, "upload", "-r", `${source}/`, "s3://media/all/", "--json", "--symlinks", "follow"],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        PATH: process.env["PATH"],
        AWS_ENDPOINT_URL_S3: server.endpoint,
        AWS_REGION: server.region,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        SLUICE_JOURNAL: join(directory, "journal")
      }
    }
  )
  const ended = new Promise((resolve) => child.once("exit", resolve))
  // By the time: the large file's parts are no lines.
  let peakKiB = 0
  const looking = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "")
    peakKiB = Math.max(peakKiB, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0))
  }, 200)
  let before = 0
  let bigDone = false
  /** @type {Array<string>} */
  const failed = []
  let summary
  for await (const line of createInterface({ input: child.stdout })) {
    const { from, result, ...rest } = JSON.parse(line)
    if ("summary" in rest) summary = rest.summary
    if (result === "failed") failed.push(from)
    if (result === "done" && from.endsWith("big.bin")) bigDone = true
    if (result === "done" && !bigDone) before++
  }
  const code = await ended
  clearInterval(looking)
  const seconds = (performance.now() - began) / 1000

  assert.deepEqual([code, failed], [1, [join(source, "unreadable")]])
  assert.deepEqual(summary, { done: small + 1, skipped: 0, failed: 1, stopped: 0, planned: 0 })
  assert.deepEqual(server.openUploads(), [])
  assert.ok(before >= small / 2, `only ${before} of ${small} small files were stored before the large one`)
  console.log(
    `${small} small files and one of ${bigMiB} MiB in ${seconds.toFixed(1)} s, peak ${Math.round(peakKiB / 1024)} MiB; ` +
      `${before} small ones before the large one was done`
  )
} finally {
  await server.close()
  await rm(directory, { recursive: true, force: true })
}
