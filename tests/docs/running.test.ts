import { randomBytes } from "node:crypto"
import { pathToFileURL } from "node:url"
import type { Plugin } from "@sluice/core/Plugin"
import { createSluice, isUploadError, s3, type UploadOptions } from "@sluice/core/promise"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { type Block, blocksOfPage } from "./blocks.ts"
import { blocksOfPages, isTypeScript, read } from "./pages.ts"
import { openStage, type Stage } from "./run-example.ts"

const MiB = 2 ** 20
const film = randomBytes(20 * MiB + 1)

// Tests shown as examples run under Vitest, not as programs.
const programs = blocksOfPages.filter((block) => isTypeScript(block) && !block.code.includes('from "vitest"'))

const readme = read("README.md")
/** The README's example below these words. */
const below = (words: string): Block => {
  const line = readme.slice(0, readme.indexOf(words)).split("\n").length
  const found = programs.find((block) => block.file === "README.md" && block.line > line)
  if (!readme.includes(words) || found === undefined) throw new Error(`README.md has no example below "${words}"`)
  return found
}

let stage: Stage
beforeAll(async () => {
  stage = await openStage(programs, { "intro.mp4": film, "rows.csv": Buffer.from("1,2\n") })
})
afterAll(() => stage[Symbol.asyncDispose]())

/** Runs an example in this process, which costs a tenth of one of its own. */
const execute = (block: Block) => import(pathToFileURL(stage.snippets.pathOf(block)).href)

describe("the README's example", () => {
  it("of the library stores the file", async () => {
    const lines = (await stage.run(below("**As a library.**"))).trim().split("\n")
    expect(lines.at(-1)).toBe(`s3://media/talks/intro.mp4 ${film.length} source`)
    expect(lines.at(-2)).toBe("100 0")
    expect(film.equals((await stage.server.object("media", "talks/intro.mp4")) ?? new Uint8Array())).toBe(true)
  })

  it("in Effect stores the stream", async () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => i + 1).join("\n")
    expect((await stage.run(below("**In Effect.**"))).trim()).toBe(String(rows.length))
    expect(Buffer.from((await stage.server.object("media", "rows.csv")) ?? []).toString() === rows).toBe(true)
  })

  it("of a plugin has the twenty lines it promises", () => {
    const { code } = below("## A plugin in twenty lines")
    expect(code.split("\n").filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(20)
  })

  it("of a plugin refuses what is too much, known beforehand or not, and leaves nothing", async () => {
    const plugin: { readonly quota: (limit: number) => Plugin } = await execute(below("## A plugin in twenty lines"))
    const { server } = stage
    const { endpoint, region, credentials } = server
    await using sluice = createSluice({
      store: s3({ bucket: "media", endpoint, region, credentials }),
      plugins: [plugin.quota(12 * MiB)]
    })
    const reasonOf = (body: UploadOptions["body"]) =>
      sluice
        .upload({ key: "quota.bin", body })
        .done()
        .then(
          () => undefined,
          (error: unknown) => (isUploadError(error) ? error.reason : error)
        )
    const refused = { _tag: "Rejected", message: `an upload may have ${12 * MiB} bytes`, status: 413 }
    const stream = (size: number) => new Blob([new Uint8Array(size)]).stream()

    const before = server.requests.length
    expect(await reasonOf(new Uint8Array(12 * MiB + 1))).toEqual(refused)
    expect(server.requests.length).toBe(before)
    expect(await reasonOf(stream(12 * MiB + 1))).toEqual(refused)
    expect(server.openUploads()).toEqual([])
    expect(await server.object("media", "quota.bin")).toBeUndefined()

    expect(await reasonOf(stream(12 * MiB))).toBeUndefined()
    expect(await server.object("media", "quota.bin")).toHaveLength(12 * MiB)
  })
})

describe("every example of a page runs to its end", () => {
  const home = process.cwd()
  beforeAll(() => {
    for (const [name, value] of Object.entries(stage.env)) vi.stubEnv(name, value)
    vi.spyOn(console, "log").mockReturnValue()
    process.chdir(stage.directory)
  })
  afterAll(() => {
    process.chdir(home)
    vi.restoreAllMocks()
    vi.unstubAllEnvs()
  })

  it.each(programs.map((block) => [`${block.file}:${block.line}`, block] as const))("%s", async (_, block) => {
    await execute(block)
  })
})

it("an example that fails is found", async () => {
  const [block] = blocksOfPage("a.md", '```ts\nthrow new Error("no")\n```')
  if (block === undefined) throw new Error("no block")
  await using failing = await openStage([block], {})
  await expect(failing.run(block)).rejects.toThrow("Error: no")
  await expect(import(pathToFileURL(failing.snippets.pathOf(block)).href)).rejects.toThrow("no")
})
