/**
 * What the engine promises on runtimes with files and threads, in plain JavaScript: started once by each runtime, see
 * scripts/test-runtimes.js. Prints one line a case; exits 1 if a case fails.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as FileJournal from "@sluice/core/FileJournal"
import { createSluice, s3 } from "@sluice/core/promise"
import { fetchS3 } from "@sluice/core/s3/FetchObjectStore"
import { etag } from "@sluice/plugins/integrity/etag"
import { journalSuite } from "@sluice/testkit/conformance/journal"
import * as Effect from "effect/Effect"
import { asking, casesOf, equal, MiB, pattern, run, sha256 } from "./cases.js"

/** @type {{ store: Parameters<typeof fetchS3>[0], over: "client-s3" | "fetch", witness: string }} */
const { store, over, witness } = JSON.parse(process.env["SLUICE_SMOKE"] ?? "{}")
const storeWith = (options = {}) => (over === "fetch" ? fetchS3 : s3)({ ...store, ...options })
const sluice = createSluice({ store: storeWith(), partSize: 5 * MiB, concurrency: 3 })
const ask = asking(witness)

const failed = await run({
  ...casesOf(sluice, storeWith, ask),

  "bytes proven by MD5, by worker threads where there are any": async () => {
    const proven = createSluice({ store: storeWith(), partSize: 5 * MiB, plugins: [etag()] })
    // The first upload's digests start the threads, the second one's are theirs.
    for (const key of ["md5", "md5-again"]) {
      const { proof } = await proven.upload({ key, body: pattern(0, 11 * MiB + 1) }).done()
      equal(proof, "source", "the proof")
      equal((await ask(`object?key=${key}`)).sha256, await sha256(pattern(0, 11 * MiB + 1)), "SHA-256 in the store")
    }
    await proven.dispose()
  },

  "an object read back into a file": async () => {
    const bytes = pattern(0, 11 * MiB + 1)
    await sluice.upload({ key: "to-file", body: bytes }).done()
    const directory = await mkdtemp(join(tmpdir(), "sluice-smoke-"))
    const file = await sluice.download({ key: "to-file", to: join(directory, "file"), partSize: MiB })
    equal(await sha256(new Uint8Array(await readFile(file.path))), await sha256(bytes), "SHA-256 of the file")
    equal(file.proof, "source", "the proof of the file")
    await rm(directory, { recursive: true })
  },

  "a journal in a directory keeps its promises": async () => {
    const directory = await mkdtemp(join(tmpdir(), "sluice-smoke-"))
    let journals = 0
    const fresh = Effect.sync(() => FileJournal.make(join(directory, String(++journals))))
    for (const { run } of journalSuite(fresh)) await run()
    await rm(directory, { recursive: true })
  }
})
await sluice.dispose()
process.exitCode = failed === 0 ? 0 : 1
