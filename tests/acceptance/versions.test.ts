import { PutBucketVersioningCommand } from "@aws-sdk/client-s3"
import { createSluice, s3 } from "@sluice/core/promise"
import { expect, it } from "vitest"
import { pattern } from "../engine/bytes.ts"
import { onEmbedded } from "../engine/target.ts"
import { environmentOf, run, tempDirectory } from "./sluice-process.ts"

onEmbedded("sluice versions and sluice restore", (target) => {
  it("list an object's versions, and make an older one the newest, also after it was deleted", async () => {
    const { bucket, client, store } = target()
    await client.send(
      new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } })
    )
    const key = "notes ä.txt"
    await using sluice = createSluice({ store: s3(store) })
    const { versionId = "" } = await sluice.upload({ key, body: pattern(3) }).done()
    await sluice.upload({ key, body: pattern(9) }).done()
    await sluice.remove(key)

    const directory = await tempDirectory()
    const env = { ...environmentOf(store), SLUICE_JOURNAL: directory }
    const call = (...args: ReadonlyArray<string>) => run(args, { env, cwd: directory })
    const uri = `s3://${bucket}/${key}`
    const listed = await call("versions", uri)
    expect(listed).toMatchObject({ code: 0, err: "" })
    expect(listed.out.trim().split("\n")).toEqual([
      expect.stringMatching(/ {2}deleted {2}newest$/),
      expect.stringMatching(/ {2}9 B$/),
      expect.stringMatching(new RegExp(`^${versionId} .* 3 B$`))
    ])
    const json = (await call("versions", "--json", uri)).out
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line))
    expect(json[2]).toMatchObject({ key, versionId, size: 3, isLatest: false, deleteMarker: false })

    const since = target().server.requests.length
    const foreseen = await call("restore", uri, "--version", versionId, "--dry-run")
    expect(foreseen).toMatchObject({ code: 0, out: expect.stringContaining("would be restored, 3 B") })
    expect(
      new Set(
        target()
          .server.requests.slice(since)
          .map(({ op }) => op)
      )
    ).toEqual(new Set(["ListObjectVersions"]))

    const restored = await call("restore", uri, "--version", versionId)
    expect(restored).toMatchObject({ code: 0, err: "", out: expect.stringContaining("restored, 3 B, as version ") })
    expect((await sluice.head(key)).size).toBe(3)
    const newest = /as version (\S+)/.exec(restored.out)?.[1] ?? ""
    const again = await call("restore", uri, "--version", newest)
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining("nothing to do") })

    expect(await call("versions", `${uri}-none`)).toMatchObject({ code: 1, out: "" })
    const wrong = await call("restore", `s3://${bucket}/`)
    expect(wrong).toMatchObject({
      code: 2,
      lines: [expect.stringContaining("object:"), expect.stringContaining("--version")]
    })
  })
})
