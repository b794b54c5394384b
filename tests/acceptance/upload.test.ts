import { createHash, randomBytes } from "node:crypto"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type S3Server, startS3 } from "@sluice/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { environmentOf, run, start, tempDirectory } from "./sluice-process.ts"

const MiB = 1024 * 1024
const sha256 = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : createHash("sha256").update(bytes).digest("hex")

let store: S3Server

beforeAll(async () => {
  store = await startS3({ buckets: ["media"] })
})
afterAll(() => store.close())

const upload = (args: ReadonlyArray<string>, input?: Uint8Array, env: Record<string, string> = {}) =>
  run(["upload", ...args], {
    env: { ...environmentOf(store), ...env },
    ...(input === undefined ? {} : { input })
  })

const fileOf = async (name: string, bytes: Uint8Array) => {
  const path = join(await tempDirectory(), name)
  await writeFile(path, bytes)
  return path
}

describe("sluice upload", () => {
  it("stores files under a prefix and prints one line for each, as they end", async () => {
    const bytes = randomBytes(12 * MiB)
    const paths = [await fileOf("big.bin", bytes), await fileOf("empty.bin", new Uint8Array(0))]
    const { code, err, out } = await upload([...paths, "s3://media/talks/"])
    expect({ code, err }).toEqual({ code: 0, err: "" })
    const [summary, ...rows] = out.trim().split("\n").reverse()
    expect(summary).toMatch(/^2 stored {2}\(12 MiB\) {2}in /)
    expect(rows.sort()).toEqual([
      expect.stringMatching(/^s3:\/\/media\/talks\/big\.bin {2}12 MiB in .* crc32 [0-9a-f]{8}$/),
      expect.stringMatching(/^s3:\/\/media\/talks\/empty\.bin {2}0 B in /)
    ])
    expect(sha256(await store.object("media", "talks/big.bin"))).toBe(sha256(bytes))
    expect(await store.object("media", "talks/empty.bin")).toHaveLength(0)
  })

  it("stores a pipe of unknown length under its key", async () => {
    const bytes = randomBytes(21 * MiB + 7)
    expect(await upload(["-", "s3://media/pipe"], bytes)).toMatchObject({ code: 0, err: "" })
    expect(sha256(await store.object("media", "pipe"))).toBe(sha256(bytes))
    expect(await upload(["-", "s3://media/nothing"], new Uint8Array(0))).toMatchObject({ code: 0 })
    expect(await store.object("media", "nothing")).toHaveLength(0)
  })

  it("prints events as lines of JSON and nothing else", async () => {
    const { code, out } = await upload([await fileOf("a.bin", randomBytes(9 * MiB)), "s3://media/json", "--json"])
    const events = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)._tag)
    expect([code, events[0], events.at(-1)]).toEqual([0, "UploadStarted", "UploadCompleted"])
  })

  it("ends on Ctrl-C in the middle of a pipe within 5 s and leaves nothing", async () => {
    const { child, ended } = start(["upload", "-", "s3://media/interrupted"], { env: environmentOf(store) })
    child.stdin.write(randomBytes(20 * MiB))
    await expect.poll(() => store.openUploads()[0]?.parts.length ?? 0).toBeGreaterThan(0)
    const asked = performance.now()
    child.kill("SIGINT")
    expect(await ended).toMatchObject({ code: 130, out: "" })
    expect(performance.now() - asked).toBeLessThan(5_000)
    expect(store.openUploads()).toEqual([])
    expect(await store.object("media", "interrupted")).toBeUndefined()
  })
})

describe("sluice upload says in one line", () => {
  const failing = async (args: ReadonlyArray<string>, env: Record<string, string> = {}) => {
    const { code, lines } = await upload(args, new Uint8Array(1), env)
    expect(lines).toHaveLength(1)
    return [code, lines[0]]
  }

  it("that a file cannot be read", async () => {
    expect(await failing(["/no/such/file", "s3://media/x"])).toEqual([1, expect.stringContaining("/no/such/file")])
    expect(await failing(["/", "s3://media/x"])).toEqual([2, expect.stringContaining("is a directory")])
  })

  it("that a pipe is longer than --max-size", async () => {
    const { code, lines } = await upload(["-", "s3://media/long", "--max-size", "6MiB"], new Uint8Array(20 * 2 ** 20))
    expect([code, lines]).toEqual([1, [expect.stringContaining("longer than maxSize")]])
  })

  it("that the bucket does not exist", async () => {
    expect(await failing(["-", "s3://missing/x"])).toEqual([
      1,
      expect.stringContaining('bucket "missing" does not exist')
    ])
  })

  it("that the credentials are wrong, without printing them", async () => {
    const [code, line] = await failing(["-", "s3://media/x"], { AWS_SECRET_ACCESS_KEY: "not-the-secret" })
    expect([code, line]).toEqual([1, expect.stringContaining("AccessDenied")])
    expect(line).not.toContain("not-the-secret")
  })

  it("that the endpoint cannot be reached", async () => {
    const env = { AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9", SLUICE_MAX_ATTEMPTS: "2" }
    expect(await failing(["-", "s3://media/x"], env)).toEqual([1, expect.stringContaining("check the endpoint")])
  })

  it("that it does not understand", async () => {
    expect(await failing(["-", "s3://media/x", "--fast"])).toEqual([2, expect.stringContaining("--fast")])
    expect(await failing(["-", "s3://media/x", "--part-size", "1MiB"])).toEqual([2, expect.stringContaining("5 MiB")])
    expect(await failing(["a", "b"])).toEqual([2, expect.stringContaining("s3://bucket/key")])
  })
})

it("sluice --help and --version answer without a store", async () => {
  for (const args of [
    ["--help"],
    ["--version"],
    ["upload", "--help"],
    ["serve", "-h"],
    ["resume", "-h"],
    ["cancel", "-h"],
    ["sweep", "-h"]
  ]) {
    expect(await run(args)).toMatchObject({ code: 0, err: "" })
  }
  expect(await run(["dance"])).toMatchObject({
    code: 2,
    lines: ['sluice: there is no command "dance"; try sluice --help']
  })
})
