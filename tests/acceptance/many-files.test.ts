/**
 * Many files by the command line, as processes: each is stored or fails by itself, and an earlier run is gone on with.
 */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { chmod, mkdir, readdir, readFile, symlink, unlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type S3Server, startS3 } from "@sluice/testkit/store"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { MiB, pattern } from "../engine/bytes.ts"
import { environmentOf, run, start, tempDirectory } from "./sluice-process.ts"

let store: S3Server

beforeAll(async () => {
  store = await startS3({ buckets: ["media", "copies"] }, async (call, next) => {
    const answer = await next(call)
    // A store that lists what no client of ours would store.
    return typeof answer.body === "string" && call.op === "ListObjectsV2"
      ? { ...answer, body: answer.body.replaceAll("UP", "..") }
      : answer
  })
})
afterAll(() => store.close())

const sha256 = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : createHash("sha256").update(bytes).digest("hex")

const isRoot = process.getuid?.() === 0

/** What nobody can read: for root a file of a kind that has no bytes. */
const makeUnreadable = async (path: string): Promise<void> => {
  if (isRoot) execFileSync("mkfifo", [path])
  else {
    await writeFile(path, "secret")
    await chmod(path, 0)
  }
}

interface Line {
  readonly from?: string
  readonly result?: string
  readonly kept?: string
  readonly summary?: Readonly<Record<string, number>>
}

const linesOf = (out: string): ReadonlyArray<Line> =>
  out
    .split("\n")
    .filter((line) => line !== "")
    .map((line): Line => JSON.parse(line))

const big = pattern(31 * MiB)

/** A directory of 300 small files in three, and a larger one; a journal, and `sluice` in between. */
const setup = async (small = 300) => {
  const directory = await tempDirectory()
  const photos = join(directory, "photos")
  const files = new Map<string, Uint8Array>([["big.bin", big]])
  for (let i = 0; i < small; i++) files.set(`${i % 3}/nested/${i}.txt`, new TextEncoder().encode(`file ${i}`))
  for (const folder of ["0/nested", "1/nested", "2/nested"]) await mkdir(join(photos, folder), { recursive: true })
  for (const [name, bytes] of files) await writeFile(join(photos, name), bytes)
  const journal = join(directory, "journal")
  const env = { ...environmentOf(store), SLUICE_JOURNAL: journal }
  return {
    directory,
    photos,
    files,
    journal,
    begin: (...args: ReadonlyArray<string>) => start(args, { env, cwd: directory }),
    sluice: (...args: ReadonlyArray<string>) => run(args, { env, cwd: directory })
  }
}

const stored = async (prefix: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> => {
  for (const [name, bytes] of files) {
    expect(sha256(await store.object("media", `${prefix}${name}`)), name).toBe(sha256(bytes))
  }
}

describe("sluice upload of a directory", () => {
  it("stores all files under their paths; one that cannot be read fails by name", async () => {
    const { files, journal, photos, sluice } = await setup()
    await makeUnreadable(join(photos, "1", "locked"))
    await symlink("nowhere", join(photos, "dangling"))
    const { code, err, out } = await sluice("upload", "-r", "photos", "s3://media/all/")
    expect([code, err.trim().split("\n")]).toEqual([1, [expect.stringMatching(/^sluice: photos\/1\/locked: /)]])
    expect(out).toContain("photos/dangling  skipped: a symbolic link\n")
    expect(out).toMatch(/\n301 stored {2}\(.*\) {2}1 skipped {2}1 failed {2}in /)
    await stored("all/photos/", files)
    expect(store.openUploads()).toEqual([])
    expect(await readdir(journal)).toEqual([])
  })

  it.each(["SIGKILL", "SIGINT"] as const)(
    "after %s in the middle the same command with --resume sends only what is missing",
    async (signal) => {
      const { begin, files, journal, sluice } = await setup(60)
      const prefix = `${signal.toLowerCase()}/`
      const command = ["upload", "-r", "photos/", `s3://media/${prefix}`, "--part-size", "5MiB", "--json"]
      const { child, ended } = begin(...command, "--concurrency", "1", "--bandwidth", "10MiB/s")
      await expect.poll(() => store.openUploads()[0]?.parts.length ?? 0, { interval: 20 }).toBe(2)
      child.kill(signal)
      const first = await ended
      if (signal === "SIGINT") {
        expect(first.code).toBe(130)
        expect(first.err).toContain("the same command and --resume")
      }
      const done = new Set(linesOf(first.out).flatMap(({ from, result }) => (result === "done" ? [from] : [])))
      expect(done.size).toBeLessThan(61)
      const puts = () => store.requests.filter(({ op }) => op === "PutObject" || op === "UploadPart").length
      const before = puts()
      const second = await sluice(...command, "--resume")
      expect([second.code, second.err]).toEqual([0, ""])
      const again = linesOf(second.out)
      for (const { from, result } of again) if (done.has(from ?? "")) expect([from, result]).toEqual([from, "skipped"])
      // Seven parts, of which two or three stood; each small file at most once.
      const small = again.filter(({ from, result }) => result === "done" && from?.endsWith(".txt")).length
      expect(puts() - before).toBeLessThanOrEqual(5 + small)
      await stored(prefix, files)
      expect(store.openUploads()).toEqual([])
      expect(await readdir(journal)).toEqual([])
    }
  )

  it("writes nothing with --dry-run, as the store's own journal shows", async () => {
    const { sluice } = await setup(6)
    const before = store.requests.length
    const { code, out } = await sluice("upload", "-r", "photos", "s3://media/dry/", "--dry-run", "--exclude", "1")
    expect(code).toBe(0)
    expect(out).toContain("s3://media/dry/photos/0/nested/3.txt  6 B  from photos/0/nested/3.txt\n")
    expect(out).not.toContain("/1/")
    expect(out).toMatch(/\n5 would be stored /)
    expect(store.requests).toHaveLength(before)
  })

  it("finds the files of a pattern in quotes, and says when there are none", async () => {
    const { sluice } = await setup(6)
    const { code, err, out } = await sluice(
      "upload",
      "photos/*/nested/[0-3].txt",
      "photos/*.x",
      "s3://media/glob",
      "--json"
    )
    expect([code, err]).toEqual([1, ""])
    const lines = linesOf(out)
    expect(lines.map(({ from, result }) => `${result} ${from}`).sort()).toEqual([
      "done photos/0/nested/0.txt",
      "done photos/0/nested/3.txt",
      "done photos/1/nested/1.txt",
      "done photos/2/nested/2.txt",
      "failed photos/*.x",
      "undefined undefined"
    ])
    expect(new TextDecoder().decode(await store.object("media", "glob/1/nested/1.txt"))).toBe("file 1")
  })

  it("a file that vanishes is one failure, and two that would be one object are told", async () => {
    const { directory, photos, sluice } = await setup(6)
    await mkdir(join(directory, "other"))
    await writeFile(join(directory, "other", "big.bin"), "another")
    await unlink(join(photos, "0/nested/3.txt"))
    const { code, lines } = await sluice("upload", "-r", "photos/", "other/", "gone.txt", "s3://media/merged/")
    expect(code).toBe(1)
    expect([...lines].sort()).toEqual([
      expect.stringMatching(/^sluice: gone\.txt: ENOENT/),
      'sluice: other/big.bin: "photos/big.bin" would have the same key, s3://media/merged/big.bin'
    ])
  })
})

describe("sluice get, cp, ls, verify, rm", () => {
  // A dozen processes, one after the other.
  it("read back, copy, compare and remove what was stored", { timeout: 90_000 }, async () => {
    const { directory, files, photos, sluice } = await setup(9)
    expect(await sluice("upload", "-r", "photos/", "s3://media/trip/")).toMatchObject({ code: 0, err: "" })
    expect(await sluice("get", "-r", "s3://media/trip", "back")).toMatchObject({ code: 0, err: "" })
    for (const [name, bytes] of files) {
      expect(sha256(await readFile(join(directory, "back", name)))).toBe(sha256(bytes))
    }
    expect(await readdir(join(directory, "back"))).toEqual(["0", "1", "2", "big.bin"])
    expect(await sluice("get", "s3://media/trip/0/nested/3.txt", "-")).toMatchObject({
      code: 0,
      out: "file 3",
      err: ""
    })

    const copied = await sluice("cp", "s3://media/trip/big.bin", "s3://copies/")
    expect(copied).toMatchObject({ code: 0, err: "", out: "s3://copies/big.bin  31 MiB  by the store\n" })
    const endpoint = store.endpoint.replace("127.0.0.1", "localhost")
    const moved = await sluice("cp", "-r", "s3://media/trip", "s3://copies/all", "--to-endpoint", endpoint, "--json")
    expect(moved.code).toBe(0)
    expect(moved.out).toContain("read and uploaded")
    expect(sha256(await store.object("copies", "all/big.bin"))).toBe(sha256(big))

    const bigFile = join(photos, "big.bin")
    expect(await sluice("verify", bigFile, "s3://copies/big.bin")).toMatchObject({
      code: 0,
      out: expect.stringContaining("the same")
    })
    expect((await sluice("head", "s3://copies/big.bin", "--json")).out).toContain(`"size":${big.length}`)
    expect((await sluice("ls", "s3://copies/all/")).out.trim().split("\n")).toHaveLength(10)

    expect(await sluice("rm", "-r", "s3://copies/all")).toMatchObject({
      code: 2,
      err: expect.stringContaining("--yes")
    })
    expect((await sluice("rm", "-r", "s3://copies/all", "--dry-run")).out).toMatch(/\n10 would be removed /)
    expect(await store.object("copies", "all/big.bin")).toBeDefined()
    // Who asks for bytes and gets none has failed; what was to be gone is gone.
    expect(await sluice("rm", "-r", "s3://copies/al", "--yes")).toMatchObject({
      code: 0,
      out: "s3://copies/al/  nothing is below this prefix\n"
    })
    expect(await sluice("cp", "-r", "s3://copies/al", "s3://copies/new/")).toMatchObject({
      code: 1,
      err: "sluice: s3://copies/al/: nothing is below this prefix\n"
    })
    expect(await sluice("get", "-r", "s3://copies/al", "none")).toMatchObject({
      code: 1,
      err: "sluice: s3://copies/al/: nothing is below this prefix\n"
    })
    expect(await sluice("ls", "s3://copies/al/")).toMatchObject({ code: 0, out: "", err: "" })
    expect((await sluice("rm", "-r", "s3://copies/all", "--yes")).out).toMatch(/\n10 removed /)
    expect(await store.object("copies", "all/big.bin")).toBeUndefined()
    expect(await store.object("copies", "big.bin")).toBeDefined()
  })

  it("a key that leads out of the directory is refused by name, and the rest is written", async () => {
    const { directory, sluice } = await setup(0)
    for (const path of ["UP/UP/escaped", "link/through", "a/b/fine"]) {
      await mkdir(join(directory, "hostile", path, ".."), { recursive: true })
      await writeFile(join(directory, "hostile", path), "fine")
    }
    expect(await sluice("upload", "-r", "hostile", "s3://media")).toMatchObject({ code: 0 })
    await mkdir(join(directory, "down"))
    await mkdir(join(directory, "elsewhere"))
    await symlink("../elsewhere", join(directory, "down", "link"))
    const { code, lines } = await sluice("get", "-r", "s3://media/hostile/", "down")
    expect(code).toBe(1)
    expect([...lines].sort()).toEqual([
      expect.stringMatching(/^sluice: s3:\/\/media\/hostile\/\.\.\/\.\.\/escaped: not written: "\.\." in it/),
      expect.stringMatching(/^sluice: s3:\/\/media\/hostile\/link\/through: ".*link" is no directory/)
    ])
    expect(await readFile(join(directory, "down/a/b/fine"), "utf8")).toBe("fine")
    expect(await readdir(join(directory, "elsewhere"))).toEqual([])
  })
})
