import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as FileJournal from "@sluice/core/FileJournal"
import { createSluice, Source, s3 } from "@sluice/core/promise"
import { mirror } from "@sluice/plugins/mirror"
import { type FaultRule, secretsScanner } from "@sluice/testkit"
import { expect, it } from "vitest"
import { MiB, pattern, sha256 } from "../engine/bytes.ts"
import { download, type EmbeddedTarget, onEmbedded, openUploads, secretsOf, startEmbedded } from "../engine/target.ts"
import type { MirrorWork } from "./work.ts"

const child = new URL("./mirror.ts", import.meta.url).pathname
const bytes = pattern(13 * MiB)
const hang = { type: "hang" } as const

/** Where the process dies: at a request that is never answered, applied or not. */
interface Death {
  readonly at: "first" | "second"
  readonly rule: FaultRule
}

const deaths: Readonly<Record<string, Death>> = {
  "when the object is complete, and nobody knows": {
    at: "first",
    rule: { match: { op: "CompleteMultipartUpload", phase: "after" }, action: hang }
  },
  "before it has looked at the second store": {
    at: "second",
    rule: { match: { op: "HeadObject" }, action: hang }
  },
  "when the copy is begun, and nobody knows": {
    at: "second",
    rule: { match: { op: "CreateMultipartUpload", phase: "after" }, action: hang }
  },
  "in the middle of the copy": {
    at: "second",
    rule: { match: { op: "UploadPart", partNumber: 2, phase: "after" }, action: hang }
  },
  "when the copy is complete, and nobody knows": {
    at: "second",
    rule: { match: { op: "CompleteMultipartUpload", phase: "after" }, action: hang }
  }
}

onEmbedded("a process with a mirror that is killed", (target) => {
  it.each(Object.entries(deaths))("%s leaves the copy to the next one", { timeout: 120_000 }, async (_, death) => {
    const directory = await mkdtemp(join(tmpdir(), "sluice-mirror-"))
    await using second: EmbeddedTarget = await startEmbedded()
    const at = (name: string): string => join(directory, name)
    await writeFile(at("file"), bytes)
    const key = `mirrored-${death.at}-${death.rule.match?.op}`
    const [journal, copies] = [at("journal"), at("copies")]
    const work: MirrorWork = { store: target().store, second: second.store, journal, copies, file: at("file"), key }

    const { faults } = death.at === "first" ? target() : second
    const met = faults.add(death.rule)
    const doomed = spawn(process.execPath, [child, JSON.stringify(work)], { stdio: "ignore" })
    await expect.poll(() => met.hits, { timeout: 60_000 }).toBe(1)
    // What is never answered may be applied a moment after it is met.
    if (death.rule.match?.phase === "after") await expect.poll(() => applied(death, target(), second, key)).toBe(true)
    // One part at a time: the second is stored as well, so that nobody has to send it again.
    if (death.rule.match?.op === "UploadPart") {
      await expect.poll(async () => (await openUploads(second, key))[0]?.parts).toEqual([1, 2])
    }
    doomed.kill("SIGKILL")
    await once(doomed, "exit")
    expect(doomed.signalCode).toBe("SIGKILL")
    faults.clear()

    await using sluice = createSluice({
      store: s3(work.store),
      journal: FileJournal.layer(journal),
      plugins: [mirror({ to: s3(work.second), journal: FileJournal.layer(copies), partSize: 5 * MiB })],
      // Who ran the upload is known to be dead: its deliveries are not waited for.
      retryWithinMs: 1
    })
    const [left] = await sluice.sessions()
    if (left?.state === "completed") expect((await sluice.sweep()).counts.delivered).toBe(1)
    else await sluice.resume({ key }, { body: Source.file(work.file) }).done()
    await expect.poll(() => sluice.sessions(), { timeout: 30_000 }).toEqual([])

    expect(sha256((await download(second, key)) ?? new Uint8Array())).toBe(sha256(bytes))
    // Each part once, whoever sent it.
    const sent = second.requests.filter((request) => request.op === "UploadPart" && request.key === key)
    expect(sent.map(({ partNumber }) => partNumber)).toEqual([1, 2, 3])
    expect(second.count("CompleteMultipartUpload", key)).toBe(1)
    // What a Create may have left that nobody heard of is named there, until it is old enough to be ended.
    await using there = createSluice({ store: s3(work.second), journal: FileJournal.layer(copies) })
    await there.sweep({ olderThanMs: 0 })
    expect(await there.sessions()).toEqual([])
    await second.assertNothingLeft()
    await target().assertNothingLeft()
    const scanner = secretsScanner({ ...secretsOf(target()), ...secretsOf(second) })
    for (const kept of [journal, copies]) await scanner.assertNoneInDirectory(kept)
    await rm(directory, { recursive: true })
  })
})

/** Whether the store has done what it never answers. */
const applied = ({ rule }: Death, first: EmbeddedTarget, second: EmbeddedTarget, key: string): boolean =>
  rule.match !== undefined && (first.open(key) === 0 || second.open(key) > 0)
