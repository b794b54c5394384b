import { once } from "node:events"
import { CreateMultipartUploadCommand, type S3Client, UploadPartCommand } from "@aws-sdk/client-s3"
import { expect, it, onTestFinished } from "vitest"
import { type EmbeddedTarget, startEmbedded } from "../engine/stores.ts"
import { setup } from "./kept-upload.ts"
import { environmentOf, run, start, tempDirectory } from "./sluice-process.ts"

const hour = 3_600_000

/** A store whose clock a test may set ahead. */
const startTarget = async (options: Parameters<typeof startEmbedded>[0] = {}) => {
  const ahead = { ms: 0 }
  const target = await startEmbedded({ clock: () => Date.now() + ahead.ms, ...options })
  onTestFinished(() => target[Symbol.asyncDispose]())
  const later = (ms: number) => {
    ahead.ms += ms
    target.client.config.systemClockOffset = ahead.ms
  }
  return { target, later }
}

/** Somebody else's upload, with a part. */
const begin = async (client: S3Client, Bucket: string, Key: string): Promise<void> => {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
  await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: "part" }))
}

const openKeys = ({ server }: EmbeddedTarget): ReadonlyArray<string> =>
  server
    .openUploads()
    .map(({ key }) => key)
    .sort()

const sweeper = async (target: EmbeddedTarget, more: Readonly<Record<string, string>> = {}) => {
  const journal = await tempDirectory()
  const env = { ...environmentOf(target.store), SLUICE_JOURNAL: journal, ...more }
  return (...flags: ReadonlyArray<string>) => ({
    args: ["sweep", "--all", "--older-than", "24h", ...flags, `s3://${target.bucket}`],
    env
  })
}

const sweep = async ({ args, env }: { args: ReadonlyArray<string>; env: Readonly<Record<string, string>> }) =>
  run(args, { env })

it("sluice sweep --all tells what it would end, and with --yes ends it: by the store's clock, below the prefix", async () => {
  const { target, later } = await startTarget()
  const { bucket, client, server } = target
  await begin(client, bucket, "in/old-1")
  await begin(client, bucket, "in/old-2")
  await begin(client, bucket, "elsewhere/old")
  later(25 * hour)
  await begin(client, bucket, "in/young")
  const sweeping = await sweeper(target)

  const before = server.requests.length
  const told = await sweep(sweeping("--prefix", "in/"))
  expect(told).toMatchObject({ code: 0, lines: [expect.stringContaining("2 would be ended, 0 spared, 1 younger")] })
  expect(told.out).toMatch(/in\/old-1 .*would be ended; begun 20.*\n.*in\/old-2 /)
  expect(told.out).not.toContain("elsewhere")
  // The store's own word for it: nothing was written.
  const asked = new Set(server.requests.slice(before).map(({ op }) => op))
  expect([...asked].filter((op) => !/^(Head|List)/.test(op))).toEqual([])

  expect(await sweep(sweeping("--prefix", "in/", "--yes"))).toMatchObject({
    code: 0,
    lines: [expect.stringContaining("2 ended, 0 left")]
  })
  expect(openKeys(target)).toEqual(["elsewhere/old", "in/young"])
  // Each end was shown by ListParts.
  const proofs = server.requests.filter(({ op, status }) => op === "ListParts" && status === 404)
  expect(proofs.map(({ key }) => key).sort()).toEqual(["in/old-1", "in/old-2"])
})

it("sluice sweep --all spares what an open session of the journal needs", async () => {
  const { target, later } = await startTarget()
  const { env, identical, interrupted, key, sluice } = await setup(target)
  const stopped = await interrupted()
  await begin(target.client, target.bucket, key)
  later(25 * hour)
  const swept = await run(["sweep", "--all", "--older-than", "24h", "--yes", `s3://${target.bucket}`], { env })
  expect(swept).toMatchObject({ code: 0, lines: [expect.stringContaining("1 ended, 0 left, 1 spared")] })
  expect(openKeys(target)).toEqual([key])
  const id = /resume ([0-9a-f]{40})/.exec(stopped.err)?.[1] ?? ""
  expect(await sluice("resume", id)).toMatchObject({ code: 0, err: "" })
  await identical()
})

it("a sweep that is killed in the middle is finished by the next one", async () => {
  const { target, later } = await startTarget()
  const keys = Array.from({ length: 12 }, (_, i) => `old/${String(i).padStart(2, "0")}`)
  for (const key of keys) await begin(target.client, target.bucket, key)
  later(25 * hour)
  await begin(target.client, target.bucket, "young")
  const sweeping = await sweeper(target)

  const stall = target.faults.add({
    match: { op: "AbortMultipartUpload", nth: 6 },
    action: { type: "stall", afterBytes: 0 },
    times: Number.POSITIVE_INFINITY
  })
  const { args, env } = sweeping("--yes")
  const { child } = start(args, { env })
  await expect.poll(() => stall.hits).toBeGreaterThan(0)
  child.kill("SIGKILL")
  await once(child, "exit")
  stall.remove()
  const left = openKeys(target)
  expect(left.length).toBeGreaterThan(1)
  expect(left.length).toBeLessThan(keys.length + 1)

  expect(await sweep(sweeping("--yes"))).toMatchObject({ code: 0 })
  expect(openKeys(target)).toEqual(["young"])
  expect(await sweep(sweeping("--yes"))).toMatchObject({ code: 0, out: "" })
})

it("what the store refuses to end is told, and the exit code says so", async () => {
  const { target, later } = await startTarget()
  await begin(target.client, target.bucket, "old")
  later(25 * hour)
  const denied = target.faults.add({
    match: { op: "AbortMultipartUpload" },
    action: { type: "status", status: 403, code: "AccessDenied" },
    times: Number.POSITIVE_INFINITY
  })
  const sweeping = await sweeper(target)
  expect(await sweep(sweeping("--yes"))).toMatchObject({
    code: 1,
    lines: [expect.stringMatching(/old .*could not be ended.*AccessDenied/), expect.stringContaining("1 left")]
  })
  denied.remove()
  expect(await sweep(sweeping("--yes"))).toMatchObject({ code: 0 })
  await target.assertNothingLeft()
})

it("where uploads are listed by whole keys only, the whole bucket is asked for and that is said", async () => {
  const { target, later } = await startTarget({ profile: "minio" })
  await begin(target.client, target.bucket, "in/old")
  await begin(target.client, target.bucket, "elsewhere/old")
  later(25 * hour)
  const sweeping = await sweeper(target, { SLUICE_PROVIDER: "minio" })
  expect(await sweep(sweeping("--prefix", "in/", "--yes"))).toMatchObject({
    code: 0,
    lines: [expect.stringContaining("1 ended"), expect.stringContaining("MinIO lists open uploads by whole keys only")]
  })
  expect(openKeys(target)).toEqual(["elsewhere/old"])
})

it("a sweep that could mean two things is refused", async () => {
  expect(await run(["sweep", "--all"])).toMatchObject({ code: 2, lines: [expect.stringContaining("name one bucket")] })
  expect(await run(["sweep", "--yes", "s3://media"])).toMatchObject({
    code: 2,
    lines: [expect.stringContaining("add --all"), expect.stringContaining("--yes: belongs to --all")]
  })
  expect(await run(["sweep", "--all", "--yes", "--dry-run", "s3://media"])).toMatchObject({ code: 2 })
})
