import * as core from "@sluice/core"
import { createSluice, s3 } from "@sluice/core/promise"
import { expect, it } from "vitest"
import { read } from "./pages.ts"

const rows = [...read("docs/promise.md").matchAll(/^\| `(\w+)\([^|]*\| `?([A-Z]\w+)?\.?(\w+)?[^|]*\|$/gm)].map(
  ([, method = "", module = "", name = ""]) => ({ method, module, name })
)

it("docs/promise.md has a row for each method of the promise API, and no other", async () => {
  await using sluice = createSluice({ store: s3({ bucket: "media" }) })
  expect(rows.map(({ method }) => method).sort()).toEqual(Object.keys(sluice).sort())
})

it("and each row names a module of @sluice/core that is there", () => {
  const modules = rows.flatMap(({ module }) => (module === "" ? [] : [module]))
  expect(modules.length).toBe(rows.length - 1)
  expect(modules.filter((module) => !Object.hasOwn(core, module))).toEqual([])
})
