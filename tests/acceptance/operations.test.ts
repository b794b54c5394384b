import {
  GetBucketCorsCommand,
  GetBucketLifecycleConfigurationCommand,
  PutBucketLifecycleConfigurationCommand,
  S3Client
} from "@aws-sdk/client-s3"
import { startS3 } from "@sluice/testkit"
import { expect, it, onTestFinished } from "vitest"
import { environmentOf, run } from "./sluice-process.ts"

const setup = async () => {
  const server = await startS3({ buckets: ["media"] })
  onTestFinished(() => server.close())
  const { credentials, endpoint, region } = server
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  onTestFinished(() => client.destroy())
  const env = environmentOf(server)
  const writes = () => server.requests.filter(({ op }) => !/^(Get|Head|List)/.test(op)).map(({ op }) => op)
  return { client, server, sluice: (...args: ReadonlyArray<string>) => run(args, { env }), writes }
}

it("what sluice doctor finds wrong, sluice bucket mends, and rules of others stay", async () => {
  const { client, sluice, writes } = await setup()
  const Bucket = "media"
  const logs = { ID: "logs", Status: "Enabled" as const, Filter: { Prefix: "logs/" }, Expiration: { Days: 30 } }
  const LifecycleConfiguration = { Rules: [logs] }
  await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }))
  const before = writes().length

  const ill = await sluice("doctor", "s3://media", "--read-only", "--json")
  expect(ill).toMatchObject({ code: 1, err: "" })
  const findings: ReadonlyArray<{ check: string; status: string; fix: ReadonlyArray<string> }> = ill.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
  const wrong = findings.filter(({ status }) => status === "wrong")
  expect(wrong.map(({ check }) => check)).toEqual(["cors", "lifecycle"])
  expect(writes()).toHaveLength(before)

  // Each command as it was printed; without its --yes it writes nothing.
  for (const { fix } of wrong) {
    const [, ...args] = fix.join("").split(" ")
    const dry = await sluice(...args.filter((arg) => arg !== "--yes"))
    expect(dry).toMatchObject({ code: 0, lines: [expect.stringContaining("dry run")] })
    expect(dry.out).toMatch(/^added +\{"ID":"sluice-/)
    const written = writes().length
    expect(await sluice(...args)).toMatchObject({ code: 0, lines: [expect.stringContaining("written")] })
    expect(writes()).toHaveLength(written + 1)
    expect(await sluice(...args)).toMatchObject({
      code: 0,
      lines: [expect.stringContaining("has these rules already")]
    })
    expect(writes()).toHaveLength(written + 1)
  }
  const { Rules = [] } = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))
  expect(Rules[0]).toEqual(logs)
  expect(Rules.map(({ ID }) => ID)).toEqual(["logs", "sluice-abort-incomplete-uploads"])
  expect((await client.send(new GetBucketCorsCommand({ Bucket }))).CORSRules).toHaveLength(1)

  const well = await sluice("doctor", "s3://media")
  expect(well).toMatchObject({ code: 0, err: "" })
  expect(well.out).toMatch(/^ok +multipart/m)
  expect(well.out).not.toContain("WRONG")
})

it("sluice advice says what an upload would take, and asks nobody", async () => {
  const told = await run(["advice", "--size", "50GiB"])
  expect(told).toMatchObject({ code: 0, err: "" })
  expect(told.out).toContain("part size  8 MiB (from 6 MiB to 5 GiB)\nparts      6,400 of 10,000 at most")
  const json = await run(["advice", "--size", "1TiB", "--provider", "r2", "--json"])
  expect(JSON.parse(json.out)).toMatchObject({ provider: "r2", partSize: 105 * 2 ** 20, maxParts: 10_000 })
  expect(await run(["advice", "--size", "6TiB", "--provider", "minio"])).toMatchObject({ code: 1 })
  expect(await run(["advice"])).toMatchObject({ code: 2, lines: [expect.stringContaining("--size: missing")] })
})

it("sluice bucket shows what it replaces, also as JSON", async () => {
  const { sluice } = await setup()
  const lifecycle = (...args: ReadonlyArray<string>) => sluice("bucket", "lifecycle", "s3://media", ...args)
  expect(await lifecycle("--yes")).toMatchObject({ code: 0 })
  const shown = await lifecycle("--abort-after", "3d")
  expect(shown.out).toMatch(/^replaced +\{.*"DaysAfterInitiation":7.*\n +with +\{.*"DaysAfterInitiation":3/)
  const told = JSON.parse((await lifecycle("--abort-after", "3d", "--json")).out)
  expect(told).toMatchObject({
    change: "replaced",
    before: { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } },
    rule: { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 3 } }
  })
})

it("what is not understood is told in a line that says where to look", async () => {
  expect(await run(["ls", "--bogus"])).toMatchObject({
    code: 2,
    lines: ["sluice: Unknown option '--bogus'; --help lists the flags"]
  })
  expect(await run(["verify"])).toMatchObject({
    code: 2,
    lines: [expect.any(String), expect.stringContaining("file:")]
  })
  expect(await run(["doctor", "s3://ab"])).toMatchObject({ code: 2, lines: [expect.stringContaining("3 to 63")] })
})

it("a prefix is not copied into itself, which would have no end", async () => {
  const { server, sluice } = await setup()
  const before = server.requests.length
  for (const to of ["s3://media/a/b/", "s3://media/a/", "s3://media/a"]) {
    expect(await sluice("cp", "-r", "s3://media/a/", to)).toMatchObject({
      code: 2,
      lines: [expect.stringContaining("lies in what is copied")]
    })
  }
  expect(server.requests.length).toBe(before)
  // Beside it is allowed: there is only nothing to copy.
  expect(await sluice("cp", "-r", "s3://media/a/", "s3://media/ab/")).toMatchObject({
    lines: [expect.stringContaining("s3://media/a/")]
  })
})

it("sluice doctor --dry-run writes nothing", async () => {
  const { sluice, writes } = await setup()
  expect(await sluice("doctor", "--dry-run", "s3://media")).toMatchObject({ code: 1 })
  expect(writes()).toEqual([])
})
