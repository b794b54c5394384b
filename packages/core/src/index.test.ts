import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"

const folder = import.meta.dirname
const nouns = (path: string): ReadonlyArray<string> =>
  readdirSync(join(folder, path))
    .filter((name) => /^[A-Z]\w*\.ts$/.test(name))
    .map((name) => `./${path}${name}`)

/** Reached by their own path alone: what `@sluice/core/promise` has, and what a simulation replaces. */
const byPath = ["./Sluice.ts", "./SluiceOptions.ts", "./Testing.ts"]

const manifest: { readonly exports: Readonly<Record<string, unknown>> } = JSON.parse(
  readFileSync(join(folder, "../package.json"), "utf8")
)
const storeModules = Object.entries(manifest.exports)
  .filter(([path, target]) => path.startsWith("./s3/") && target !== null)
  .map(([path]) => `${path}.ts`)

it("every noun of the core is exported, and so is every store that package.json opens", () => {
  const named = [...readFileSync(join(folder, "index.ts"), "utf8").matchAll(/from "(\.\/[\w/]+\.ts)"/g)].map(
    ([, path = ""]) => path
  )
  const options = "./s3/S3Options.ts"
  expect(storeModules).toContain(options)
  expect(storeModules.filter((path) => !existsSync(join(folder, path)))).toEqual([])
  const all = [...nouns(""), ...storeModules]
  expect(named.sort()).toEqual(all.filter((path) => path !== options && !byPath.includes(path)).sort())
})
