/**
 * What the engine promises wherever it runs, over any store: no module of Node's is needed for it.
 *
 * @module
 */
import { createSluice } from "@sluice/core/create-sluice"

export const MiB = 1024 * 1024

/**
 * @param {import("@sluice/core/create-sluice").Sluice} sluice over the bucket that the witness has, in parts of 5 MiB
 * @param {(options?: { bandwidth?: number, bucket?: string }) => import("@sluice/core/create-sluice").Store} storeWith the
 *   same store, with other options
 * @param {(question: string) => Promise<any>} ask what the process that holds the store is asked, which is not this runtime
 * @returns {Record<string, () => Promise<void>>}
 */
export const casesOf = (sluice, storeWith, ask) => {
  /**
   * Uploads and compares with what the store holds.
   *
   * @param {string} key
   * @param {import("@sluice/core/create-sluice").UploadOptions["body"]} body whose bytes are the pattern
   * @param {number} size
   */
  async function uploads(key, body, size) {
    const stored = await sluice.upload({ key, body }).done()
    equal(stored.size, size, "size reported")
    const object = await ask(`object?key=${key}`)
    equal(object.size, size, "size in the store")
    equal(object.sha256, await sha256(pattern(0, size)), "SHA-256 in the store")
  }

  return {
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

    "an object read back": async () => {
      const bytes = pattern(0, 11 * MiB + 1)
      await sluice.upload({ key: "back", body: bytes }).done()
      const { proof, stream } = await sluice.read({ key: "back", partSize: MiB })
      const read = new Uint8Array(await new Response(stream).arrayBuffer())
      equal(await sha256(read), await sha256(bytes), "SHA-256 of the stream")
      equal(proof(), "source", "the proof of the stream")
    },

    "an object copied by the store, listed and removed": async () => {
      await sluice.upload({ key: "copies/a", body: pattern(0, MiB) }).done()
      const { by } = await sluice.copy({ from: { key: "copies/a" }, to: { key: "copies/b" } })
      equal(by, "store", "who copied")
      equal((await ask("object?key=copies/b")).sha256, await sha256(pattern(0, MiB)), "SHA-256 of the copy")
      await sluice.remove("copies/a")
      const keys = []
      for await (const { key } of sluice.list({ prefix: "copies/" })) keys.push(key)
      equal(keys.join(), "copies/b", "the keys that are left")
    },

    "bytes under a bandwidth limit": async () => {
      const slow = createSluice({
        store: storeWith({ bandwidth: 16 * MiB }),
        partSize: 5 * MiB,
        stallTimeoutMs: 5_000
      })
      const upload = slow.upload({ key: "slow", body: pattern(0, 6 * MiB + 1) })
      await upload.done()
      equal((await ask("object?key=slow")).sha256, await sha256(pattern(0, 6 * MiB + 1)), "SHA-256 in the store")
      equal(upload.progress().retries, 0, "attempts that failed")
      await slow.dispose()
    },

    "a bucket that does not exist is a typed error": async () => {
      const elsewhere = createSluice({ store: storeWith({ bucket: "nowhere" }) })
      const failure = await elsewhere
        .upload({ key: "x", body: new Uint8Array(1) })
        .done()
        .catch((error) => error)
      equal(failure?.reason?._tag, "NoSuchBucket", "the reason")
      await elsewhere.dispose()
    }
  }
}

/**
 * Runs them one after the other and prints a line for each.
 *
 * @param {Record<string, () => Promise<void>>} cases
 * @returns how many failed
 */
export async function run(cases) {
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
  return failed
}

/** @param {string} witness its URL */
export const asking = (witness) => async (/** @type {string} */ question) =>
  (await fetch(`${witness}/${question}`)).json()

/** @param {number} from @param {number} to @returns bytes that differ from part to part */
export function pattern(from, to) {
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

/** @param {() => Promise<boolean>} condition */
async function eventually(condition) {
  while (!(await condition()));
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
export async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** @param {unknown} actual @param {unknown} expected @param {string} what */
export function equal(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what} is ${actual}, not ${expected}`)
}
