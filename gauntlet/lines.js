/**
 * The twelve lines: what happens, and what is asked for.
 *
 * @module
 */
import { createHash, randomBytes } from "node:crypto"
import { copyFile, open, truncate, utimes } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { PutObjectCommand } from "@aws-sdk/client-s3"
import { compileSink, startSink } from "../bench/sink.js"
import { MiB } from "./cell.js"
import {
  judgeChanged,
  judgeEnded,
  judgeKept,
  judgeMemory,
  judgePast,
  judgeRefused,
  judgeResumed,
  judgeStored
} from "./judge.js"
import { bucket, damagedWithoutChecksums, outage, slowCreate, slowParts, slowSecondPart } from "./store.js"

/** @typedef {import("./cell.js").Arena} Arena */
/** @typedef {import("./judge.js").Observation} Observation */
/** @typedef {import("./judge.js").Verdict} Verdict */

/**
 * @typedef {object} Line
 * @property {number} number
 * @property {string} title
 * @property {string} what happens, and what is asked for
 * @property {"waiting" | "busy" | "alone" | "long"} load how it shares the machine: `waiting` cells run all at once,
 *   `busy` ones a few at a time, `alone` and `long` ones by themselves
 * @property {number} [limitMs] for each process, where not the usual
 * @property {(arena: Arena) => Promise<Observation>} run
 * @property {(seen: Observation) => Verdict} judge
 */

const outageMs = 30_000
const partMs = 1_000
const createMs = 1_000
const interruptMs = 300
const streamMiB = 24
/** Past 10,000 parts of 5 MiB, which are 48.8 GiB. */
const longBytes = Number(process.env["GAUNTLET_LONG_BYTES"] ?? 10_000 * 5 * MiB + 64 * MiB)

/**
 * Uploads the file to its end.
 *
 * @param {Arena} arena
 */
const toTheEnd = async (arena) => {
  const contender = await arena.start()
  return arena.outcome(contender, { since: arena.begin(contender) })
}

/**
 * Uploads the file and interrupts it some time after `happened`.
 *
 * @param {Arena} arena
 * @param {() => boolean} happened
 */
const interrupted = async (arena, happened) => {
  const contender = await arena.start()
  const began = arena.begin(contender)
  const reached = await arena.until(contender, happened)
  if (reached) await sleep(interruptMs)
  return arena.outcome(contender, { since: reached ? contender.interrupt() : began, struck: () => reached })
}

/**
 * Uploads the file, is killed while the second part is on its way and the others are stored, and runs again.
 *
 * @param {Arena} arena
 * @param {(file: string) => Promise<void>} between
 */
const killed = async (arena, between) => {
  const { store } = arena
  const file = join(arena.job.state, "file")
  await copyFile(arena.job.file, file)
  const gate = slowSecondPart()
  store.trouble(gate.trouble)
  const first = await arena.start({ resumable: true, file })
  arena.begin(first)
  const { seen: at } = store
  const reached = await arena.until(
    first,
    // Time to write down what it has, and to begin what it would begin.
    () => gate.waiting() && at.partsStored > 0 && at.running === 0 && performance.now() - at.storedAt > 1_000
  )
  first.kill()
  await first.gone
  const kept = store.seen.bytesStored
  gate.open()
  do await sleep(200)
  while (store.seen.running > 0) // what the dead process had sent
  await between(file)
  const before = store.seen.bytesReceived
  const second = await arena.start({ resumable: true, file })
  const since = arena.begin(second)
  const seen = await arena.outcome(second, { since, struck: () => reached, file })
  const needed = (seen.size ?? 0) - kept
  return { ...seen, kept, resent: Math.max(0, store.seen.bytesReceived - before - needed) }
}

/** @type {ReadonlyArray<Line>} */
export const lines = [
  {
    number: 1,
    title: "Abort: how long, what is left",
    what:
      `The network takes ${partMs} ms a part. ${interruptMs} ms after the first part began, the upload is aborted: by the ` +
      "library's own abort, awaited, or else by Ctrl-C. Asked for: when it says that it is over, no request runs and nothing is left.",
    load: "alone",
    run: async (arena) => {
      arena.store.trouble(slowParts(partMs))
      return interrupted(arena, () => arena.store.seen.partRequests > 0)
    },
    judge: judgeEnded
  },
  {
    number: 2,
    title: "30 s of 503 on one part",
    what: `Every try of part 2 is answered 503 SlowDown, for ${outageMs / 1_000} real seconds from the first. Asked for: the object.`,
    load: "waiting",
    limitMs: 120_000,
    run: async (arena) => {
      arena.store.trouble(outage(2, outageMs, arena.store.seen))
      return toTheEnd(arena)
    },
    judge: judgeStored
  },
  {
    number: 3,
    title: "Complete: 200, and an error in it",
    what: "Complete is answered once with `200 OK` and an `<Error>` InternalError, and is not applied. Asked for: the object.",
    load: "busy",
    run: async (arena) => {
      const action = /** @type {const} */ ({ type: "ok200WithError", code: "InternalError" })
      arena.store.faults.add({ match: { op: "CompleteMultipartUpload" }, action })
      return toTheEnd(arena)
    },
    judge: judgeStored
  },
  {
    number: 4,
    title: "Complete: applied, its answer lost",
    what:
      "Complete is applied once and the connection ends without its answer; a repeated Complete is answered NoSuchUpload. " +
      "Asked for: success, as the object is there.",
    load: "busy",
    run: async (arena) => {
      arena.store.faults.add({ match: { op: "CompleteMultipartUpload" }, action: { type: "dropAfterCommit" } })
      return toTheEnd(arena)
    },
    judge: judgeStored
  },
  {
    number: 5,
    title: "A part's ETag is not that of its bytes",
    what:
      "A store without checksums, as some are: what it says of a part is its ETag, the MD5 of what it keeps. One byte of part 2 " +
      "is damaged on its way, once, so that ETag is wrong. Asked for: the object as it was sent.",
    load: "busy",
    run: async (arena) => {
      arena.store.trouble(damagedWithoutChecksums(2, arena.store.seen))
      return toTheEnd(arena)
    },
    judge: judgeStored
  },
  {
    number: 6,
    title: "The source dies on the way",
    what:
      "A stream fails half-way with an error; for commands, which cannot see that through a pipe, the file is cut short while it " +
      "is read. Asked for: an error, no object, nothing left.",
    load: "busy",
    run: async (arena) => {
      const { file, state } = arena.job
      const probe = await arena.start({ kind: "stream", failAfter: 20 * MiB })
      if (probe.input === null) return arena.outcome(probe, { since: arena.begin(probe), struck: () => true })
      probe.kill()
      const copy = join(state, "file")
      await copyFile(file, copy)
      arena.store.trouble(slowParts(partMs))
      const contender = await arena.start({ file: copy })
      const since = arena.begin(contender)
      const reached = await arena.until(contender, () => arena.store.seen.partRequests > 0)
      await truncate(copy, 20 * MiB)
      return arena.outcome(contender, { since, struck: () => reached, file: copy })
    },
    judge: judgeRefused
  },
  {
    number: 7,
    title: "Resumed with a changed source",
    what:
      "The second part is slow. Killed by SIGKILL when the others that run beside it are stored; the file is replaced by another of the same size; run again as its " +
      "documentation says to resume. Where resuming is refused, the program ends the old upload and begins anew. " +
      "Asked for: the new file's bytes, and nothing of the old upload.",
    load: "busy",
    run: (arena) =>
      killed(arena, async (file) => {
        const handle = await open(file, "r+")
        const { size } = await handle.stat()
        for (let at = 0; at < size; at += MiB) await handle.write(randomBytes(MiB), 0, MiB, at)
        await handle.close()
        const later = new Date(Date.now() + 2_000)
        await utimes(file, later, later)
      }),
    judge: judgeChanged
  },
  {
    number: 8,
    title: "kill -9, and on: bytes sent again",
    what: "As line 7, with the file unchanged. Asked for: the object, without what is stored being sent again, and nothing left.",
    load: "busy",
    run: (arena) => killed(arena, async () => undefined),
    judge: judgeResumed
  },
  {
    number: 9,
    title: "Memory for chunks of 16 bytes",
    what:
      `A stream of ${streamMiB} MiB in chunks of 16 bytes (commands read a pipe, which has no chunks). Peak resident memory above ` +
      "idle, of the process and its children. Asked for: no more than four parts in flight, one in the making, and 32 MiB: 72 MiB.",
    load: "busy",
    limitMs: 120_000,
    run: async (arena) => {
      const file = join(arena.job.state, "file")
      await copyFile(arena.job.file, file)
      await truncate(file, streamMiB * MiB)
      const contender = await arena.start({ kind: "stream", chunk: 16, file })
      return arena.outcome(contender, { since: arena.begin(contender, file), struck: () => true, file })
    },
    judge: judgeMemory(72)
  },
  {
    number: 10,
    title: "A stream past 48.8 GiB",
    what:
      `A stream of unknown length and ${(longBytes / 2 ** 30).toFixed(1)} GiB, really sent, at the client's own part size: 10,000 parts of ` +
      "5 MiB end at 48.8 GiB. The store is the benchmark's sink, which counts bytes, keeps none, and refuses part 10,001 as S3 does. " +
      "Asked for: all bytes in one object.",
    load: "long",
    limitMs: 1_800_000,
    run: async (arena) => {
      const sink = await startSink(compileSink())
      const changes = { kind: /** @type {const} */ ("stream"), chunk: MiB, endless: longBytes, partSize: undefined }
      try {
        const contender = await arena.start({ ...changes, endpoint: sink.endpoint })
        const seen = await arena.outcome(contender, { since: arena.begin(contender), struck: () => true })
        const { partBytes, objectBytes, openUploads, largestPart } = await sink.stop()
        const bytesReceived = partBytes + objectBytes
        const whole = seen.how === "ok" ? (bytesReceived === longBytes ? "source" : "other") : "absent"
        return { ...seen, bytesReceived, open: openUploads, object: whole, largestPart }
      } finally {
        await sink.stop()
      }
    },
    judge: judgePast
  },
  {
    number: 11,
    title: "If-None-Match on multipart",
    what:
      "Uploaded on the condition that nothing stands at the key; when the first part arrives, somebody else puts an object there. " +
      "Asked for: that object stays, the upload is refused, nothing is left.",
    load: "busy",
    run: async (arena) => {
      const { store, job } = arena
      const theirs = randomBytes(1_000)
      const put = Promise.withResolvers()
      let began = false
      store.trouble(async (call, next) => {
        if (call.op === "PutObject" && call.headers["content-length"] === String(theirs.length)) return next(call)
        if (call.op !== "UploadPart" && call.op !== "PutObject") return next(call)
        if (!began) {
          began = true
          store.client
            .send(new PutObjectCommand({ Bucket: bucket, Key: job.key, Body: theirs }))
            .then(put.resolve, put.reject)
        }
        await put.promise
        return next(call)
      })
      const contender = await arena.start({ onlyIfAbsent: true })
      const standing = createHash("sha256").update(theirs).digest("hex")
      const seen = await arena.outcome(contender, { since: arena.begin(contender), struck: () => began, standing })
      return { ...seen, partRequests: seen.partRequests - (began ? 1 : 0) }
    },
    judge: judgeKept
  },
  {
    number: 12,
    title: "Interrupted during Create",
    what:
      `Create is applied and takes ${createMs} ms to be answered; ${interruptMs} ms into that, the upload is interrupted as in line 1. ` +
      "Asked for: nothing left.",
    load: "busy",
    run: async (arena) => {
      arena.store.trouble(slowCreate(createMs))
      return interrupted(arena, () => arena.store.seen.creates > 0)
    },
    judge: judgeEnded
  }
]
