import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { promisify } from "node:util"
import type { Plugin } from "@sluice/core/Plugin"
import { createSluice, isUploadError, s3, type UploadOptions } from "@sluice/core/promise"
import { type FaultyS3Server, startS3 } from "@sluice/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Block, blocksOfPage } from "./blocks.ts"
import { type Snippets, writeSnippets } from "./snippets.ts"

const MiB = 2 ** 20
const page = await readFile(join(import.meta.dirname, "../../README.md"), "utf8")
const examples = blocksOfPage("README.md", page).filter(({ language }) => language === "ts")

/** The example below these words. */
const example = (words: string): Block => {
  const line = page.slice(0, page.indexOf(words)).split("\n").length
  const found = examples.find((block) => block.line > line)
  if (!page.includes(words) || found === undefined) throw new Error(`README.md has no example below "${words}"`)
  return found
}

let server: FaultyS3Server
let snippets: Snippets
let directory: string
beforeAll(async () => {
  // The region that the examples name.
  server = await startS3({ buckets: ["media"], region: "eu-west-1" })
  snippets = writeSnippets(examples)
  directory = await mkdtemp(join(tmpdir(), "sluice-readme-"))
})
afterAll(async () => {
  snippets[Symbol.dispose]()
  await rm(directory, { recursive: true, force: true })
  await server.close()
})

/** Runs an example as it stands, in a directory of its own, with the store and its keys in the environment. */
const run = async (words: string): Promise<string> => {
  const env = {
    AWS_ENDPOINT_URL_S3: server.endpoint,
    AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey
  }
  const { stdout } = await promisify(execFile)(process.execPath, [snippets.pathOf(example(words))], {
    cwd: directory,
    env
  })
  return stdout
}

describe("the README's example", () => {
  it("of the library stores the file", async () => {
    const bytes = randomBytes(20 * MiB + 1)
    await writeFile(join(directory, "intro.mp4"), bytes)
    const lines = (await run("**As a library.**")).trim().split("\n")
    expect(lines.at(-1)).toBe(`s3://media/talks/intro.mp4 ${bytes.length} source`)
    expect(lines.at(-2)).toBe("100 0")
    expect(bytes.equals((await server.object("media", "talks/intro.mp4")) ?? new Uint8Array())).toBe(true)
  })

  it("in Effect stores the stream", async () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => i + 1).join("\n")
    expect((await run("**In Effect.**")).trim()).toBe(String(rows.length))
    expect(Buffer.from((await server.object("media", "rows.csv")) ?? []).toString() === rows).toBe(true)
  })

  it("of a plugin refuses what is too much, known beforehand or not, and leaves nothing", async () => {
    const module: { quota: (limit: number) => Plugin } = await import(
      pathToFileURL(snippets.pathOf(example("## A plugin in twenty lines"))).href
    )
    const { endpoint, region, credentials } = server
    await using sluice = createSluice({
      store: s3({ bucket: "media", endpoint, region, credentials }),
      plugins: [module.quota(12 * MiB)]
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

  it("of a plugin has the twenty lines it promises", () => {
    const { code } = example("## A plugin in twenty lines")
    expect(code.split("\n").filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(20)
  })
})
