import { readdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { download, onEveryStore } from "../engine/target.ts"
import { bytes, idOf, jsonLines, part, parts, partsOf, resumeLineOf, setup } from "./kept-upload.ts"
import { run, tempDirectory } from "./sluice-process.ts"

onEveryStore("sluice upload of a file", (target) => {
  it("is kept on Ctrl-C, and the line that it prints goes on with the parts that are missing", async () => {
    const { directory, env, identical, interrupted } = await setup(target())
    const stopped = await interrupted()
    expect(stopped).toMatchObject({ code: 130, out: "", lines: [expect.any(String)] })
    // The store is in the journal; only who we are is not.
    const { AWS_ENDPOINT_URL_S3: _, AWS_REGION: __, ...who } = env
    const resumed = await run([...resumeLineOf(stopped), "--json"], { env: who, cwd: directory })
    expect(resumed).toMatchObject({ code: 0, err: "" })
    const verified = partsOf(resumed, "PartVerified")
    expect(verified.length).toBeGreaterThanOrEqual(2)
    expect(partsOf(resumed, "PartStored")).toHaveLength(parts - verified.length)
    await identical()
  })

  it("is found again when its process was killed", async () => {
    const { destination, file, halfWay, identical, sluice } = await setup(target())
    const { child, ended } = await halfWay()
    child.kill("SIGKILL")
    await ended
    const listed = await sluice("resume")
    expect(listed).toMatchObject({ code: 0, err: "" })
    expect(listed.out).toContain(`${destination}  ${file}`)
    const [kept] = jsonLines((await sluice("resume", "--json")).out)
    expect(kept).toMatchObject({ uri: destination, size: bytes.length, file })
    // The store may have had a part whose receipt was not written yet.
    expect(kept?.["stored"]).toBeGreaterThanOrEqual(part)
    const resumed = await sluice("resume", String(kept?.["sessionId"]))
    expect(resumed).toMatchObject({ code: 0, err: "" })
    expect(resumed.out).toContain(destination)
    await identical()
  })

  it("is ended for good by sluice cancel", async () => {
    const { destination, interrupted, journal, key, sluice } = await setup(target())
    const id = idOf(await interrupted())
    expect(await sluice("cancel", id)).toMatchObject({ code: 0, err: "", out: expect.stringContaining(destination) })
    expect(await readdir(journal)).toEqual([])
    expect(await download(target(), key)).toBeUndefined()
    await target().assertNothingLeft()
    expect(await sluice("resume")).toMatchObject({ code: 0, out: "no upload is kept\n" })
    expect(await sluice("resume", id)).toMatchObject({ code: 1, lines: [expect.stringContaining("SessionNotFound")] })
  })

  it("is ended by sluice sweep when nobody came back for it, and not before", async () => {
    const { destination, interrupted, key, sluice } = await setup(target())
    const id = idOf(await interrupted())
    const foreseen = await sluice("sweep", "--older-than", "0", "--dry-run")
    expect(foreseen).toMatchObject({ code: 0, err: "", out: expect.stringContaining(`${destination}  would be ended`) })
    expect(await sluice("sweep")).toMatchObject({ code: 0, out: "", err: "" })
    expect((await sluice("resume")).out).toContain(id)
    const swept = await sluice("sweep", "--older-than", "0")
    expect(swept).toMatchObject({ code: 0, err: "", out: `${destination}  ended, nothing is left of it\n` })
    expect(await sluice("resume")).toMatchObject({ out: "no upload is kept\n", err: "" })
    expect(await download(target(), key)).toBeUndefined()
    await target().assertNothingLeft()
  })

  it("leaves nothing with --no-resume, no journal either", async () => {
    const { directory, interrupted, sluice } = await setup(target())
    expect(await interrupted("--no-resume")).toMatchObject({ code: 130, out: "", err: "" })
    await target().assertNothingLeft()
    expect(await readdir(directory)).toEqual(["big.bin"])
    expect(await sluice("resume", "--json")).toMatchObject({ code: 0, out: "", err: "" })
  })
})

describe("a journal that cannot be used", () => {
  it("is told in one line, with what to do, before anything is sent", async () => {
    const directory = await tempDirectory()
    const file = join(directory, "file")
    await writeFile(file, "x")
    for (const args of [["upload", file, "s3://media/x"], ["resume"], ["cancel", "a".repeat(40)]]) {
      const { code, lines } = await run([...args, "--journal", join(file, "journal")], { cwd: directory })
      expect([code, lines]).toEqual([1, [expect.stringMatching(/part of the path is a file;.*--journal/)]])
    }
  })
})
