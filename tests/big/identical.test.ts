/**
 * The first promise, end to end: what a foreign client downloads is what was uploaded. SLUICE_BIG_MIB sets the size of
 * the big file and pipe (64 by default; .ci/run takes 256).
 */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { statfsSync } from "node:fs"
import { mkdir, readFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, it } from "vitest"
import { run } from "../acceptance/sluice-process.ts"
import { aws, awsSuite, downloadedDigest } from "./aws.ts"
import { MiB, writeFileOf } from "./big-file.ts"
import { onEveryStore, type Store } from "./store.ts"
import { makeDirectory } from "./temp-directory.ts"

const bin = join(import.meta.dirname, "../../packages/cli/bin/sluice.js")

const partSize = 8 * MiB
/** Not the part size, as by default, so that the threshold and one part are two cases. */
const threshold = 6 * MiB
const settings = { SLUICE_PART_SIZE: String(partSize), SLUICE_MULTIPART_THRESHOLD: String(threshold) }

const sizes: Readonly<Record<string, number>> = {
  empty: 0,
  "below-threshold": threshold - 1,
  "at-threshold": threshold,
  "one-part": partSize,
  "two-parts": 2 * partSize
}
const names = Object.keys(sizes)
const inParts = Object.values(sizes).filter((size) => size >= threshold).length

const bigMiB = Number(process.env["SLUICE_BIG_MIB"] ?? 64)
if (!Number.isInteger(bigMiB) || bigMiB < 1) throw new Error("SLUICE_BIG_MIB: give a whole number of MiB, 1 or more")

/** The file, its object, the parts that a store keeps until it has put them together, and room to breathe. */
const neededMiB = 3 * bigMiB + 256
const { bavail, bsize } = statfsSync(tmpdir())
const freeMiB = Math.floor((bavail * bsize) / MiB)
const fits = freeMiB >= neededMiB
const titleOfBig = (what: string): string =>
  `${what} of ${bigMiB} MiB${fits ? "" : ` (skipped: needs ${neededMiB} MiB of free disk, and ${freeMiB} MiB are there)`}`
const patience = { timeout: 60_000 + bigMiB * 1_000 }

let directory: Awaited<ReturnType<typeof makeDirectory>>
const pathOf = (name: string): string => join(directory.path, "files", name)
const digests: Record<string, string> = {}

beforeAll(async () => {
  directory = await makeDirectory()
  await mkdir(join(directory.path, "files"))
  for (const name of names) digests[name] = await writeFileOf(pathOf(name), sizes[name] ?? 0)
  if (fits) digests["big"] = await writeFileOf(pathOf("big"), bigMiB * MiB)
}, patience.timeout)
afterAll(() => directory.remove())

/** `cat FILE | sluice upload - s3://…`, as a shell runs it; rejects with what it says when it fails. */
const pipe = (store: Store, path: string, key: string, env: Readonly<Record<string, string>> = {}) =>
  promisify(execFile)(
    "sh",
    ["-c", 'cat "$0" | "$@"', path, process.execPath, bin, "upload", "-", `s3://${store.bucket}/${key}`],
    { env: { PATH: process.env["PATH"], ...store.throughProxy, ...env } }
  )

/** The digests of everything under a prefix, by name, as `aws` downloads it. */
const downloaded = async (store: Store, prefix: string): Promise<Record<string, string>> => {
  const to = join(directory.path, `${prefix}-downloaded`)
  await aws(store, ["cp", "--recursive", "--only-show-errors", `s3://${store.bucket}/${prefix}/`, to], directory.path)
  const read = names.map(async (name) => {
    const bytes = await readFile(join(to, name))
    return [name, createHash("sha256").update(bytes).digest("hex")] as const
  })
  return Object.fromEntries(await Promise.all(read))
}

const expected = (): Record<string, string | undefined> =>
  Object.fromEntries(names.map((name) => [name, digests[name]] as const))

onEveryStore(
  "aws downloads what sluice uploaded",
  (store) => {
    const target = (key: string): string => `s3://${store().bucket}/${key}`
    const remove = (key: string) => aws(store(), ["rm", "--only-show-errors", target(key)], directory.path)

    it("from files: none, one byte below and at the threshold, one part, two parts", async () => {
      const before = store().count("CreateMultipartUpload")
      const env = { ...store().throughProxy, ...settings }
      expect(await run(["upload", ...names.map(pathOf), target("files/")], { env })).toMatchObject({ code: 0, err: "" })
      expect(store().count("CreateMultipartUpload") - before).toBe(inParts)
      expect(await downloaded(store(), "files")).toEqual(expected())
      await store().assertNothingLeft()
    })

    it("from pipes of the same lengths, which it cannot know", async () => {
      const before = store().count("CreateMultipartUpload")
      for (const name of names) await pipe(store(), pathOf(name), `pipes/${name}`, settings)
      expect(store().count("CreateMultipartUpload") - before).toBe(inParts)
      expect(await downloaded(store(), "pipes")).toEqual(expected())
      await store().assertNothingLeft()
    })

    it.skipIf(!fits)(titleOfBig("from a file"), patience, async () => {
      const env = store().throughProxy
      expect(await run(["upload", pathOf("big"), target("big")], { env })).toMatchObject({ code: 0, err: "" })
      expect(await downloadedDigest(store(), "big", directory.path)).toBe(digests["big"])
      await remove("big")
      await store().assertNothingLeft()
    })

    it.skipIf(!fits)(titleOfBig("from a pipe"), patience, async () => {
      await pipe(store(), pathOf("big"), "big-pipe")
      expect(await downloadedDigest(store(), "big-pipe", directory.path)).toBe(digests["big"])
      await remove("big-pipe")
      await store().assertNothingLeft()
    })
  },
  awsSuite
)
