import { expect, it } from "vitest"
import { blocksOfPage } from "./blocks.ts"
import { read } from "./pages.ts"
import { openStage } from "./run-example.ts"

const page = "docs/from-lib-storage.md"

it("the guide's steps, done on its program, give the same object and print the same", async () => {
  const [before] = blocksOfPage(page, read(page))
  if (before === undefined) throw new Error("the guide has no program")
  // Step 2, as it is written there.
  const after = {
    ...before,
    line: before.line + 1,
    code: before.code.replace("@aws-sdk/lib-storage", "@sluice/core/lib-storage")
  }
  expect(after.code.split("\n").filter((line, i) => line !== before.code.split("\n")[i])).toHaveLength(1)

  await using stage = await openStage([before, after], {})
  const printed: Array<string> = []
  for (const program of [before, after]) {
    printed.push(await stage.run(program))
    expect(Buffer.from((await stage.server.object("media", "talks/intro.txt")) ?? []).toString()).toBe("hello")
  }
  expect(JSON.parse(printed[0] ?? "")).toMatchObject({ Bucket: "media", Key: "talks/intro.txt" })
  expect(printed[1]).toBe(printed[0])
  expect(stage.server.openUploads()).toEqual([])
})
