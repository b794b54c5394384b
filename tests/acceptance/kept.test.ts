import { appendFile, readdir, rename, truncate, utimes } from "node:fs/promises"
import { join } from "node:path"
import { HeadObjectCommand } from "@aws-sdk/client-s3"
import { expect, it } from "vitest"
import { MiB } from "../engine/bytes.ts"
import { download, onEmbedded } from "../engine/target.ts"
import { bytes, idOf, jsonLines, parts, resumeLineOf, setup, slowly, storedParts } from "./kept-upload.ts"
import { run, start } from "./sluice-process.ts"

onEmbedded("sluice upload of a file that is kept", (target) => {
  const stall = (key: string, times = 1) =>
    target().server.faults.add({
      match: { op: "UploadPart", key, partNumber: 3 },
      action: { type: "stall", afterBytes: MiB },
      times
    })

  it("is kept within 5 s where the store takes no more of a part", async () => {
    const { identical, key, sluice, upload } = await setup(target())
    const fault = stall(key)
    const { child, ended } = upload()
    await expect.poll(() => fault.hits).toBe(1)
    const asked = performance.now()
    child.kill("SIGINT")
    const stopped = await ended
    expect(performance.now() - asked).toBeLessThan(5_000)
    expect(stopped).toMatchObject({ code: 130, out: "" })
    const before = target().count("UploadPart", key)
    expect(await sluice(...resumeLineOf(stopped))).toMatchObject({ code: 0, err: "" })
    expect(target().count("UploadPart", key) - before).toBe(parts - 2)
    await identical()
  })

  it("says so in its last event with --json, and nowhere else", async () => {
    const { identical, interrupted, sluice } = await setup(target())
    const { code, err, out } = await interrupted("--json")
    expect([code, err]).toEqual([130, ""])
    const last = jsonLines(out).at(-1)
    expect(last).toMatchObject({ _tag: "UploadCancelled", kept: true })
    expect(await sluice("resume", String(last?.["sessionId"]))).toMatchObject({ code: 0 })
    await identical()
  })

  it("is kept when it fails with what may pass, and the line names the journal where a flag did", async () => {
    const { directory, env, file, destination, identical, journal, key } = await setup(target())
    const fault = target().server.faults.add({
      match: { op: "UploadPart", key, partNumber: 3 },
      action: { type: "status", status: 500, code: "InternalError" },
      times: Number.POSITIVE_INFINITY
    })
    const { SLUICE_JOURNAL: _, ...withoutJournal } = env
    const args = ["upload", "--part-size", "5MiB", "--concurrency", "1", "--journal", journal, file, destination]
    const failed = await run(args, { env: { ...withoutJournal, SLUICE_MAX_ATTEMPTS: "1" }, cwd: directory })
    expect(failed).toMatchObject({
      code: 1,
      out: "",
      lines: [expect.stringContaining("InternalError"), expect.any(String)]
    })
    fault.remove()
    expect(resumeLineOf(failed).slice(2)).toEqual(["--journal", journal])
    expect(await run(resumeLineOf(failed), { env: withoutJournal, cwd: directory })).toMatchObject({ code: 0 })
    await identical()
  })

  it("lets one process go on with it, and tells the other that it is busy", async () => {
    const { directory, env, identical, interrupted, key } = await setup(target())
    const line = resumeLineOf(await interrupted())
    const fault = target().server.faults.add({
      match: { op: "UploadPart", key },
      action: { type: "stall", afterBytes: 0 },
      times: Number.POSITIVE_INFINITY
    })
    const patient = { env: { ...env, SLUICE_STALL_TIMEOUT: "2 seconds" }, cwd: directory }
    const one = start([...line], patient)
    await expect.poll(() => fault.hits).toBeGreaterThan(0)
    const other = await run(line, patient)
    expect(other).toMatchObject({ code: 1, out: "", lines: [expect.stringContaining("SessionBusy")] })
    fault.remove()
    expect(await one.ended).toMatchObject({ code: 0, err: "" })
    await identical()
  })

  it("is ended by sluice cancel while another process works on it, which is told so", async () => {
    const { directory, env, file, destination, key, sluice, journal } = await setup(target())
    const fault = stall(key)
    const args = ["upload", "--part-size", "5MiB", "--concurrency", "1", file, destination]
    const { ended } = start(args, { env: { ...env, SLUICE_LEASE: "1 second" }, cwd: directory })
    await expect.poll(() => fault.hits).toBe(1)
    const [running] = jsonLines((await sluice("resume", "--json")).out)
    expect(running).toMatchObject({ uri: destination, held: true })
    expect(await sluice("cancel", String(running?.["sessionId"]))).toMatchObject({ code: 0, err: "" })
    expect(await ended).toMatchObject({ code: 1, out: "", lines: [expect.stringContaining("another process")] })
    expect(await readdir(journal)).toEqual([])
    await target().assertNothingLeft()
  })

  it("is refused with a file that changed, and stays resumable with the one that it began with", async () => {
    const { directory, file, identical, interrupted, key, sluice } = await setup(target())
    const id = idOf(await interrupted())
    await appendFile(file, "more")
    const refused = await sluice("resume", id)
    expect(refused).toMatchObject({ code: 1, out: "", lines: [expect.stringContaining("SourceChanged")] })
    expect(refused.err).toContain(`it had ${bytes.length} bytes`)
    const missing = await sluice("resume", id, join(directory, "nowhere"))
    expect(missing).toMatchObject({ code: 1, lines: [expect.stringContaining("nowhere"), expect.any(String)] })
    expect(await download(target(), key)).toBeUndefined()

    await truncate(file, bytes.length)
    await utimes(file, 1_000_000_000, 1_000_000_000)
    const moved = join(directory, "moved.bin")
    await rename(file, moved)
    expect(await sluice("resume", id)).toMatchObject({ code: 1, lines: [expect.any(String), expect.any(String)] })
    expect(await sluice("resume", id, "moved.bin")).toMatchObject({ code: 0, err: "" })
    await identical()
  })

  it("stays as it is where --dry-run asks what resume, cancel and sweep would do", async () => {
    const { identical, interrupted, sluice } = await setup(target())
    const id = idOf(await interrupted())
    const before = target().server.requests.length
    expect((await sluice("resume", id, "--dry-run")).out).toMatch(/ would be sent from .*, .* is stored\n$/)
    expect((await sluice("cancel", id, "--dry-run")).out).toMatch(/ would be ended, .* of it stored\n$/)
    expect((await sluice("sweep", "--older-than", "0s", "--dry-run")).out).toMatch(/ would be ended; last change /)
    expect((await sluice("sweep", "--dry-run")).err).toContain("nothing would be ended")
    expect(target().server.requests.length).toBe(before)
    expect(await sluice("resume", id)).toMatchObject({ code: 0, err: "" })
    await identical()
  })

  it("is not lost to credentials that were forgotten", async () => {
    const { directory, env, identical, interrupted, sluice } = await setup(target())
    const line = resumeLineOf(await interrupted())
    const wrong = { ...env, AWS_SECRET_ACCESS_KEY: "not-the-secret" }
    const refused = await run(line, { env: wrong, cwd: directory })
    expect(refused).toMatchObject({ code: 1, lines: [expect.stringContaining("AccessDenied"), expect.any(String)] })
    expect(refused.err).not.toContain("not-the-secret")
    expect(resumeLineOf(refused)).toEqual(line)
    expect(await sluice(...line)).toMatchObject({ code: 0, err: "" })
    await identical()
  })

  it("resumes with what the store was asked to do with it", async () => {
    const { identical, interrupted, key, sluice } = await setup(target())
    const stopped = await interrupted("--sse", "--content-type", "text/x-test", "--metadata", "a=1")
    expect(await sluice(...resumeLineOf(stopped))).toMatchObject({ code: 0, err: "" })
    await identical()
    expect(await target().client.send(new HeadObjectCommand({ Bucket: target().bucket, Key: key }))).toMatchObject({
      ContentType: "text/x-test",
      ServerSideEncryption: "AES256",
      Metadata: { a: "1" }
    })
  })

  it("is aborted where that was asked for, instead", async () => {
    const { interrupted, journal } = await setup(target())
    expect(await interrupted("--on-failure", "abort")).toMatchObject({ code: 130, out: "", err: "" })
    expect(await readdir(journal)).toEqual([])
    await target().assertNothingLeft()
  })
})

onEmbedded("sluice upload of a pipe", (target) => {
  const piped = async (...flags: ReadonlyArray<string>) => {
    const { destination, directory, env, key, sluice, ...rest } = await setup(target())
    const { child, ended } = start(["upload", ...slowly, ...flags, "-", destination], { env, cwd: directory })
    child.stdin.write(bytes)
    await expect.poll(() => storedParts(target(), key), { interval: 20 }).toBeGreaterThanOrEqual(2)
    return { ...rest, child, directory, ended, env, key, sluice }
  }

  it("is aborted on Ctrl-C: it cannot be read again", async () => {
    const { child, ended, journal } = await piped()
    child.kill("SIGINT")
    expect(await ended).toMatchObject({ code: 130, out: "", err: "" })
    expect(await readdir(journal)).toEqual([])
    await target().assertNothingLeft()
  })

  it("is kept where that was asked for, and goes on when the same bytes are piped in again", async () => {
    const { child, directory, ended, env, identical } = await piped("--on-failure", "keep")
    child.kill("SIGINT")
    const stopped = await ended
    expect(resumeLineOf(stopped)[2]).toBe("-")
    const [, id = ""] = resumeLineOf(stopped)
    const nameless = await run(["resume", id], { env, cwd: directory })
    expect(nameless).toMatchObject({ code: 1, lines: [expect.stringContaining("SESSION FILE")] })
    expect(await run(resumeLineOf(stopped), { env, cwd: directory, input: bytes })).toMatchObject({ code: 0, err: "" })
    await identical()
  })

  it("does not wait after a second Ctrl-C, and what is left is in the list", async () => {
    const fault = target().server.faults.add({
      match: { op: "AbortMultipartUpload" },
      action: { type: "stall", afterBytes: 0 }
    })
    const { child, ended, key, sluice } = await piped()
    child.kill("SIGINT")
    await expect.poll(() => fault.hits).toBe(1)
    child.kill("SIGINT")
    expect(await ended).toMatchObject({ code: 130, out: "", err: "" })
    const [left] = jsonLines((await sluice("resume", "--json")).out)
    expect(left).toMatchObject({ uri: `s3://${target().bucket}/${key}`, file: "-" })
    expect(await sluice("cancel", String(left?.["sessionId"]))).toMatchObject({ code: 0, err: "" })
    await target().assertNothingLeft()
  })
})
