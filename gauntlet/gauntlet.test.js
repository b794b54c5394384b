/** The harness itself judges right: contenders that lie, leave, hang and crash are shown as such. */
import { randomBytes } from "node:crypto"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CreateMultipartUploadCommand, PutObjectCommand, UploadPartCommand } from "@aws-sdk/client-s3"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { openArena } from "./cell.js"
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
import { lines } from "./lines.js"
import { toReadme, withTable } from "./report.js"
import { rivals } from "./rivals.js"
import { bucket, damagedWithoutChecksums, startStore } from "./store.js"

/** @typedef {import("./judge.js").Observation} Observation */

const bytes = randomBytes(1_000)
/** @type {string} */
let folder
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gauntlet-test-"))
  await writeFile(join(folder, "file"), bytes)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/**
 * A rival that is a line of shell.
 *
 * @param {string} script
 * @returns {import("./rivals.js").Rival}
 */
const shell = (script) => ({
  id: "fake",
  name: "fake",
  about: "",
  version: () => "0",
  start: () => ({ command: "sh", args: ["-c", script], stdin: "job" })
})
const saysOk = `echo ready; read go; echo 'settled {"ok":true}'`
const saysFailed = `echo ready; read go; echo 'settled {"ok":false,"message":"no"}'`

/**
 * What is seen of a contender that says something over a store in which `arrange` has been.
 *
 * @param {string} script
 * @param {(put: (body: Uint8Array) => Promise<unknown>, store: import("./store.js").Store) => Promise<unknown>} arrange
 */
const seenOf = async (script, arrange, limitMs = 20_000) => {
  const arena = await openArena(shell(script), { file: join(folder, "file"), size: bytes.length }, limitMs)
  try {
    const { client } = arena.store
    await arrange(
      (Body) => client.send(new PutObjectCommand({ Bucket: bucket, Key: arena.job.key, Body })),
      arena.store
    )
    const contender = await arena.start()
    return await arena.outcome(contender, { since: arena.begin(contender), struck: () => true })
  } finally {
    await arena.close()
  }
}

const nothing = async () => undefined

describe("what a contender says is held to what the store has", () => {
  it("success over a damaged object is lost data", async () => {
    const seen = await seenOf(saysOk, (put) => put(Uint8Array.from(bytes, (byte, at) => (at === 7 ? byte ^ 1 : byte))))
    expect(judgeStored(seen)).toMatchObject({ mark: "fail", short: "lost data" })
  })

  it("success over nothing is lost data", async () => {
    expect(judgeStored(await seenOf(saysOk, nothing))).toMatchObject({ mark: "fail", short: "lost data" })
  })

  it("success over the source's bytes passes", async () => {
    expect(judgeStored(await seenOf(saysOk, (put) => put(bytes)))).toMatchObject({ mark: "pass" })
  })

  it("failure over the source's bytes is no failure", async () => {
    const seen = await seenOf(saysFailed, (put) => put(bytes))
    expect(judgeStored(seen)).toMatchObject({ mark: "fail", short: "false failure" })
  })

  it("an upload that is open when the process has ended is left", async () => {
    const seen = await seenOf(saysFailed, (_, { client }) =>
      client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: "object" }))
    )
    expect(judgeRefused(seen)).toMatchObject({ mark: "fail", short: "left 1" })
    expect(seen.message).toBe("no")
  })

  it("a contender that ends without a word has not refused", async () => {
    expect(judgeRefused(await seenOf("echo ready; read go; exit 3", nothing))).toMatchObject({ short: "no answer" })
  })

  it("a contender that goes on for ever is ended, and hung", async () => {
    const seen = await seenOf("echo ready; sleep 60", nothing, 300)
    expect(judgeRefused(seen)).toMatchObject({ mark: "fail", short: "hung" })
  })
})

/** @type {Observation} */
const well = {
  ...{ how: "ok", message: "", struck: true, ms: 10, object: "source", openThen: 0, open: 0, storedAfter: 0 },
  ...{ lingeredMs: 0, partRequests: 5, bytesReceived: 100, size: 2 ** 20 }
}

describe("verdicts", () => {
  it.each(
    /** @type {ReadonlyArray<[string, (seen: Observation) => import("./judge.js").Verdict, Partial<Observation>, string]>} */ ([
      ["a trouble that never came proves nothing", judgeStored, { struck: false }, "none"],
      ["an interruption that never came proves nothing", judgeEnded, { struck: false, how: "error" }, "fail"],
      ["giving up is honest", judgeStored, { how: "error", object: "absent" }, "partial"],
      ["giving up and leaving an upload is not", judgeStored, { how: "error", object: "absent", open: 1 }, "fail"],
      ["an abort after which nothing runs", judgeEnded, { how: "error", object: "absent" }, "pass"],
      ["an abort after which parts land", judgeEnded, { how: "error", object: "absent", storedAfter: 2 }, "partial"],
      ["an abort after which the object is stored", judgeEnded, { how: "error" }, "fail"],
      ["a resume of both files' bytes", judgeChanged, { object: "other" }, "fail"],
      ["a resume that is refused", judgeChanged, { how: "error", object: "absent" }, "pass"],
      ["a resume that sends the missing bytes", judgeResumed, { resent: 0, kept: 9 }, "pass"],
      ["a resume that sends everything", judgeResumed, { resent: 9, kept: 9 }, "partial"],
      ["an object of somebody else, kept", judgeKept, { how: "error", object: "standing" }, "pass"],
      ["an object of somebody else, overwritten", judgeKept, {}, "fail"],
      ["a condition that is refused before any byte", judgeKept, { how: "error", partRequests: 0 }, "none"],
      ["a stream that is stored to its end", judgePast, {}, "pass"],
      ["a stream that ends at a limit", judgePast, { how: "error", object: "absent" }, "partial"],
      ["a stream of which bytes are missing", judgePast, { object: "other" }, "fail"],
      ["memory within the bound", judgeMemory(72), { peakMiB: 72 }, "pass"],
      ["memory above it", judgeMemory(5), { peakMiB: 6 }, "partial"],
      ["memory of ten times the object", judgeMemory(5), { peakMiB: 11 }, "fail"]
    ])
  )("%s", (_, judge, changed, mark) => {
    expect(judge({ ...well, ...changed }).mark).toBe(mark)
  })
})

it("a damaged part is stored without complaint by a store without checksums, and its ETag tells", async () => {
  const store = await startStore()
  try {
    store.trouble(damagedWithoutChecksums(1, store.seen))
    const at = { Bucket: bucket, Key: "object" }
    const { UploadId } = await store.client.send(new CreateMultipartUploadCommand(at))
    const send = () => store.client.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: bytes }))
    const [first, second] = [await send(), await send()]
    expect(first.ETag).not.toBe(second.ETag)
    expect(first.ChecksumCRC32).toBeUndefined()
    expect(store.struck()).toBe(true)
  } finally {
    await store.close()
  }
})

it("a table has a cell for every line and rival, and stands between the readme's markers", () => {
  const run = {
    ...{ rivals, lines, date: "2026-01-01", machine: "", command: "npm run gauntlet", seconds: 1 },
    cell: () => ({ verdict: judgeStored(well), message: "" })
  }
  const readme = withTable("before\n<!-- gauntlet -->\nold\n<!-- /gauntlet -->\nafter", run)
  expect(readme).toContain(toReadme(run))
  expect(readme).not.toContain("old")
  expect(readme.match(/^\| \d+\. /gm)).toHaveLength(lines.length)
  expect(withTable("no markers", run)).toBe("no markers")
})
