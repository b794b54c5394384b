/**
 * One cell: a contender on a store of its own, driven through one line, and what was seen of it.
 *
 * @module
 */
import { createHash } from "node:crypto"
import { once } from "node:events"
import { createReadStream } from "node:fs"
import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { startContender } from "./contender.js"
import { bucket, startStore } from "./store.js"

/** @typedef {import("./clients/play.js").Job} Job */
/** @typedef {import("./judge.js").Observation} Observation */
/** @typedef {import("./rivals.js").Rival} Rival */
/** @typedef {Awaited<ReturnType<typeof startContender>>} Contender */

export const MiB = 2 ** 20

/** Parts of every line but the tenth, where one can choose. */
export const partSize = 8 * MiB

/** How long a process may stay after its word. */
const lingerMs = 15_000

const freePort = async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return typeof address === "object" && address !== null ? address.port : 0
}

/** @param {AsyncIterable<Uint8Array>} bytes */
const digest = async (bytes) => {
  const hash = createHash("sha256")
  for await (const chunk of bytes) hash.update(chunk)
  return hash.digest("hex")
}

/**
 * The arena that a line drives a contender in.
 *
 * @param {Rival} rival
 * @param {{ file: string, size: number }} source
 * @param {number} limitMs how long each of its processes may take
 */
export const openArena = async (rival, source, limitMs) => {
  const store = await startStore()
  const state = await mkdtemp(join(tmpdir(), "gauntlet-"))
  await mkdir(join(state, "journal"))
  const { endpoint, region, credentials } = store.server
  /** @type {Job} */
  const job = {
    ...{ endpoint, region, credentials, bucket, key: "object", file: source.file, state },
    ...{ kind: "file", chunk: 64 * 1024, partSize, port: await freePort() }
  }
  /** @type {Set<Contender>} */
  const contenders = new Set()
  let over = false

  /** The key that the object has: a server in between may have named it. */
  const key = () => store.server.requests.findLast(({ op }) => op === "CreateMultipartUpload")?.key ?? job.key

  return {
    store,
    job,
    key,
    /** @param {Partial<Job>} changes */
    start: async (changes = {}) => {
      const contender = await startContender(rival, { ...job, ...changes }, { limitMs })
      contenders.add(contender)
      return contender
    },
    /**
     * Tells it to begin, and gives it its stream if it reads one.
     *
     * @param {Contender} contender
     */
    begin: (contender, file = source.file) => {
      const began = contender.begin()
      if (contender.input !== null) pipeline(createReadStream(file), contender.input).catch(() => undefined)
      return began
    },
    /**
     * Waits for something to be seen at the store. False: the contender ended first.
     *
     * @param {Contender} contender
     * @param {() => boolean} happened
     */
    until: async (contender, happened) => {
      let ended = false
      contender.settled.then(() => {
        ended = true
      })
      while (!happened() && !ended) await sleep(2)
      return happened()
    },
    /**
     * Waits for its word and for its end, looking at the store at both.
     *
     * @param {Contender} contender
     * @param {{ since: number, struck?: () => boolean, standing?: string, file?: string }} when `struck`: whether the
     *   line's trouble came, if the store does not know; `standing`: the SHA-256 of the object that was there before;
     *   `file`: the source, if not the usual
     * @returns {Promise<Observation>}
     */
    outcome: async (contender, { since, struck = store.struck, standing, file = source.file }) => {
      const open = () => store.server.openUploads().length
      const { how, message, at } = await contender.settled
      const openThen = open()
      const stored = store.seen.partsStored
      const peakMiB = contender.peak()
      let last = at
      const watch = setInterval(() => {
        last = open() > 0 ? performance.now() : Math.max(last, store.seen.storedAt)
      }, 5)
      await Promise.race([contender.gone, sleep(lingerMs)])
      contender.kill()
      await contender.gone
      await sleep(100) // what it sent last
      clearInterval(watch)
      const bytes = await store.server.object(bucket, key())
      const found = bytes === undefined ? "absent" : createHash("sha256").update(bytes).digest("hex")
      const wanted = await digest(createReadStream(file))
      return {
        ...{ how, message, struck: struck(), ms: at - since, openThen, open: open() },
        object: found === "absent" ? "absent" : found === wanted ? "source" : found === standing ? "standing" : "other",
        storedAfter: store.seen.partsStored - stored,
        lingeredMs: last - at,
        partRequests: store.seen.partRequests,
        bytesReceived: store.seen.bytesReceived,
        peakMiB,
        size: source.size
      }
    },
    close: async () => {
      if (over) return
      over = true
      for (const contender of contenders) contender.kill()
      await Promise.all([...contenders].map(({ gone }) => gone))
      await store.close()
      await rm(state, { recursive: true, force: true })
    }
  }
}

/** @typedef {Awaited<ReturnType<typeof openArena>>} Arena */
