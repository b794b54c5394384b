import { expect, it } from "vitest"
import { outOfTime } from "./Command.ts"
import { get } from "./commands/get.ts"
import { upload } from "./commands/upload.ts"

it("an unfinished upload may be left of what uploads, not of what reads", () => {
  expect(outOfTime(upload)).toContain("unfinished multipart upload")
  expect(outOfTime(get)).toBe("sluice: the store did not answer in time")
})
