import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createSluice, s3 } from "@sluice/core/promise"
import { expect, it } from "vitest"
import { MiB, pattern, sha256 } from "../engine/bytes.ts"
import { type EmbeddedTarget, onEmbedded } from "../engine/target.ts"
import type { DownloadWork } from "./work.ts"

const child = new URL("./download.ts", import.meta.url).pathname
const part = 5 * MiB
const bytes = pattern(4 * part + 12_345)

/** Ranges that a record says are on disk; its first line says whose. */
const recorded = async (to: string): Promise<ReadonlyArray<{ readonly offset: number; readonly size: number }>> => {
  const lines = await readFile(`${to}.sluice-part.record`, "utf8").then(
    (text) => text.split("\n"),
    () => []
  )
  return lines.slice(1).flatMap((line) => (line === "" ? [] : [JSON.parse(line.slice(9))]))
}

const startsOf = ({ server }: EmbeddedTarget, key: string): ReadonlyArray<number> =>
  server.requests.flatMap((request) =>
    request.op === "GetObject" && request.key === key
      ? [Number(/bytes=(\d+)/.exec(request.headers["range"] ?? "")?.[1])]
      : []
  )

onEmbedded("a process killed while it downloads", (target) => {
  it.each([1, 3])("after %d ranges leaves them to the next, which fetches only the others", async (finished) => {
    const directory = await mkdtemp(join(tmpdir(), "sluice-kill-"))
    const to = join(directory, "file")
    const key = `kill-${finished}`
    const { store } = target()
    await using sluice = createSluice({ store: s3(store), partSize: part })
    await sluice.upload({ key, body: bytes }).done()

    // The last ranges never come to their end: the process dies amid them.
    const match = { op: "GetObject", key, nth: finished + 1 } as const
    target().server.faults.add({ match, action: { type: "stall", afterBytes: 10_000 }, times: 10 })
    const work: DownloadWork = { key, store, to }
    const process_ = spawn(process.execPath, [child, JSON.stringify(work)], { stdio: "ignore" })
    await expect.poll(() => recorded(to), { timeout: 30_000 }).toHaveLength(finished)
    process_.kill("SIGKILL")
    await once(process_, "exit")
    expect(process_.signalCode).toBe("SIGKILL")
    target().server.faults.clear()
    expect(await readdir(directory)).toEqual(["file.sluice-part", "file.sluice-part.record"])

    const done = await recorded(to)
    const before = startsOf(target(), key).length
    const file = await sluice.download({ key, to })
    expect(file).toMatchObject({ found: done.reduce((sum, { size }) => sum + size, 0), proof: "source" })
    const fetched = startsOf(target(), key).slice(before)
    expect(fetched.filter((start) => done.some(({ offset }) => offset === start))).toEqual([])
    expect(fetched).toHaveLength(5 - finished)
    expect(sha256(await readFile(to))).toBe(sha256(bytes))
    expect(await readdir(directory)).toEqual(["file"])
    await rm(directory, { recursive: true })
  })

  it("that may write no more leaves nothing of it, and says why", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sluice-kill-"))
    const to = join(directory, "file")
    const { store } = target()
    await using sluice = createSluice({ store: s3(store), partSize: part })
    await sluice.upload({ key: "full", body: bytes }).done()
    const work: DownloadWork = { key: "full", store, to }
    // 4,096 blocks of 1 KiB a file; a disk without room meets the same code in the same place.
    const limited = spawn("bash", [
      "-c",
      'ulimit -f 4096 && exec "$0" "$@"',
      process.execPath,
      child,
      JSON.stringify(work)
    ])
    const errors: Array<string> = []
    limited.stderr.on("data", (data) => errors.push(String(data)))
    await once(limited, "close")
    expect(errors.join("")).toMatch(/JournalFailed: cannot write the file .* larger than .* allows; make room/)
    expect(await readdir(directory)).toEqual([])
    await rm(directory, { recursive: true })
  })
})
