/**
 * What the engine promises wherever it runs, in plain JavaScript: started once by each runtime, see
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

const MiB = 1024 * 1024
/** @type {{ store: Parameters<typeof fetchS3>[0], over: "client-s3" | "fetch", witness: string }} */
const { store, over, witness } = JSON.parse(process.env["SLUICE_SMOKE"] ?? "{}")
const storeOf = over === "fetch" ? fetchS3 : s3
const sluice = createSluice({ store: storeOf(store), partSize: 5 * MiB, concurrency: 3 })

/** @type {Record<string, () => Promise<void>>} */
const cases = {
  "no bytes": () => uploads("empty", new Uint8Array(0), 0),
  "bytes in one request": () => uploads("small", pattern(0, 3 * MiB), 3 * MiB),
  "bytes in parts": () => uploads("large", pattern(0, 11 * MiB + 1), 11 * MiB + 1),
  "a Blob": () => uploads("blob", new Blob([pattern(0, 6 * MiB)]), 6 * MiB),
  "a stream of unknown length": () => uploads("stream", endingStream(23 * MiB + 7), 23 * MiB + 7),

  "abort leaves nothing": async () => {
    const { stream, waiting, cancelled } = hangingStream(12 * MiB)
    const upload = sluice.upload({ key: "aborted", body: stream })
    const outcome = upload.done().then(
      () => "completed",
      () => "failed"
    )
    await waiting
    await eventually(async () => (await ask("open-uploads")).length === 1)
    await upload.abort()
    equal(await outcome, "failed", "done() after abort")
    equal((await ask("open-uploads")).length, 0, "multipart uploads left in the store")
    equal(await ask("object?key=aborted"), null, "the object")
    await cancelled
  },

  "bytes proven by MD5, by worker threads where there are any": async () => {
    const proven = createSluice({ store: storeOf(store), partSize: 5 * MiB, plugins: [etag()] })
    // The first upload's digests start the threads, the second one's are theirs.
    for (const key of ["md5", "md5-again"]) {
      const { proof } = await proven.upload({ key, body: pattern(0, 11 * MiB + 1) }).done()
      equal(proof, "source", "the proof")
      equal((await ask(`object?key=${key}`)).sha256, await sha256(pattern(0, 11 * MiB + 1)), "SHA-256 in the store")
    }
    await proven.dispose()
  },

  "bytes under a bandwidth limit": async () => {
    const slow = createSluice({
      store: storeOf({ ...store, bandwidth: 16 * MiB }),
      partSize: 5 * MiB,
      stallTimeoutMs: 5_000
    })
    const upload = slow.upload({ key: "slow", body: pattern(0, 6 * MiB + 1) })
    await upload.done()
    equal((await ask("object?key=slow")).sha256, await sha256(pattern(0, 6 * MiB + 1)), "SHA-256 in the store")
    equal(upload.progress().retries, 0, "attempts that failed")
    await slow.dispose()
  },

  "an object read back, as a stream and into a file": async () => {
    const bytes = pattern(0, 11 * MiB + 1)
    await sluice.upload({ key: "back", body: bytes }).done()
    const { proof, stream } = await sluice.read({ key: "back", partSize: MiB })
    const read = new Uint8Array(await new Response(stream).arrayBuffer())
    equal(await sha256(read), await sha256(bytes), "SHA-256 of the stream")
    equal(proof(), "source", "the proof of the stream")
    const directory = await mkdtemp(join(tmpdir(), "sluice-smoke-"))
    const file = await sluice.download({ key: "back", to: join(directory, "file"), partSize: MiB })
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
  },

  "a bucket that does not exist is a typed error": async () => {
    const elsewhere = createSluice({ store: storeOf({ ...store, bucket: "nowhere" }) })
    const failure = await elsewhere
      .upload({ key: "x", body: new Uint8Array(1) })
      .done()
      .catch((error) => error)
    equal(failure?.reason?._tag, "NoSuchBucket", "the reason")
    await elsewhere.dispose()
  }
}

/**
 * Uploads and compares with what the store holds.
 *
 * @param {string} key
 * @param {import("@sluice/core/promise").UploadOptions["body"]} body whose bytes are the pattern
 * @param {number} size
 */
async function uploads(key, body, size) {
  const stored = await sluice.upload({ key, body }).done()
  equal(stored.size, size, "size reported")
  const object = await ask(`object?key=${key}`)
  equal(object.size, size, "size in the store")
  equal(object.sha256, await sha256(pattern(0, size)), "SHA-256 in the store")
}

/** @param {number} from @param {number} to @returns bytes that differ from part to part */
function pattern(from, to) {
  const bytes = new Uint8Array(to - from)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(from + i, 2654435761) >>> 24
  return bytes
}

/** @param {number} size */
function endingStream(size) {
  let sent = 0
  return new ReadableStream({
    pull(controller) {
      if (sent === size) return controller.close()
      const chunk = pattern(sent, Math.min(size, sent + 64 * 1024 + 13))
      sent += chunk.length
      controller.enqueue(chunk)
    }
  })
}

/** Hands out `size` bytes and then waits for ever. @param {number} size */
function hangingStream(size) {
  let sent = 0
  const waiting = Promise.withResolvers()
  const cancelled = Promise.withResolvers()
  const stream = new ReadableStream({
    pull(controller) {
      if (sent < size) {
        controller.enqueue(pattern(sent, sent + MiB))
        sent += MiB
        return undefined
      }
      waiting.resolve(undefined)
      return cancelled.promise
    },
    cancel: () => cancelled.resolve(undefined)
  })
  return { stream, waiting: waiting.promise, cancelled: cancelled.promise }
}

/** Asks the process that holds the store, which is not this runtime. @param {string} question */
async function ask(question) {
  const answer = await fetch(`${witness}/${question}`)
  return answer.json()
}

/** @param {() => Promise<boolean>} condition */
async function eventually(condition) {
  while (!(await condition()));
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** @param {unknown} actual @param {unknown} expected @param {string} what */
function equal(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what} is ${actual}, not ${expected}`)
}

let failed = 0
for (const [name, check] of Object.entries(cases)) {
  try {
    await check()
    console.log(`  ok   ${name}`)
  } catch (error) {
    failed++
    console.log(`  FAIL ${name}: ${error instanceof Error ? error.message : error}`)
  }
}
await sluice.dispose()
process.exitCode = failed === 0 ? 0 : 1
