import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { startS3 } from "@sluice/testkit"
import { expect, it, onTestFinished } from "vitest"
import { environmentOf, run, start, tempDirectory } from "./sluice-process.ts"

/** A store, `sluice chaos` before it once it listens, and a client of it. */
const chaosBefore = async (...args: ReadonlyArray<string>) => {
  const store = await startS3({ buckets: ["media"] })
  onTestFinished(() => store.close())
  const { child, ended } = start(["chaos", "--target", store.endpoint, ...args])
  let said = ""
  const announced = new Promise<string>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString()
      const endpoint = /^chaos +(\S+)/.exec(said)?.[1]
      if (endpoint !== undefined && /^seed /m.test(said)) resolve(endpoint)
    })
  })
  const failed = ended.then(({ err }) => Promise.reject(new Error(`sluice chaos ended: ${err}`)))
  const endpoint = await Promise.race([announced, failed])
  const { region, credentials } = store
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 })
  onTestFinished(() => client.destroy())
  const put = (Key: string) =>
    client.send(new PutObjectCommand({ Bucket: "media", Key, Body: "hello" })).then(
      () => "stored",
      (error: Error) => error.name
    )
  const stop = async () => {
    client.destroy()
    child.kill("SIGTERM")
    return ended
  }
  return { store, endpoint, put, stop }
}

it("strikes as the rules say, tells its seed and each fault, and ends when it is told to", async () => {
  const rule = "status status=503 code=SlowDown op=PutObject key=b"
  const { put, stop, store } = await chaosBefore("--seed", "7", "--rule", rule)
  expect([await put("a"), await put("b"), await put("b")]).toEqual(["stored", "SlowDown", "stored"])
  const { code, err, out } = await stop()
  expect(code).toBe(0)
  expect(out.split("\n").map((line) => line.replace(/ +/g, " "))).toEqual([
    expect.stringMatching(`^chaos http://127\\.0\\.0\\.1:\\d+ before ${store.endpoint}$`),
    "seed 7",
    "status PutObject s3://media/b attempt 1",
    ""
  ])
  expect(err).toMatch(/^sluice: faults: 1, connections: \d+, seed: 7\n$/)
})

it("has the same faults again for the same seed", async () => {
  const file = join(await tempDirectory(), "rules.json")
  const rule = { match: { probability: 0.5 }, action: { type: "dropAfterCommit" }, times: "forever" }
  await writeFile(file, JSON.stringify([rule]))
  const faults = async (...args: ReadonlyArray<string>) => {
    const { put, stop } = await chaosBefore("--rules", file, ...args)
    for (let i = 0; i < 10; i++) await put(`key-${i}`)
    const { out } = await stop()
    const [, , ...hits] = out.trimEnd().split("\n")
    return { hits, seed: /^seed +(\d+)/m.exec(out)?.[1] ?? "" }
  }
  const first = await faults()
  expect(first.hits.length).toBeGreaterThan(0)
  expect((await faults("--seed", first.seed)).hits).toEqual(first.hits)
})

it("does not hinder `sluice upload`, however hostile", async () => {
  const { endpoint, stop, store } = await chaosBefore("--preset", "hostile", "--seed", "14")
  const input = Buffer.alloc(12 * 1024 * 1024, "sluice")
  const env = { ...environmentOf(store), AWS_ENDPOINT_URL_S3: endpoint, SLUICE_RETRY_BASE: "1ms" }
  const { code, err } = await run(["upload", "-", "s3://media/k", "--part-size", "5MiB"], { env, input })
  expect(code, err).toBe(0)
  expect(input.equals((await store.object("media", "k")) ?? Buffer.alloc(0))).toBe(true)
  const [, , ...faults] = (await stop()).out.trimEnd().split("\n")
  expect(faults.length).toBeGreaterThan(0)
})

it("says everything that it does not understand", async () => {
  const { code, err } = await run([
    ...["chaos", "--target", "nowhere", "--port", "70000", "--preset", "gentle", "--rule", "explode"],
    ...["--rules", "/no/such/file"]
  ])
  expect(code).toBe(2)
  for (const words of [
    "--target: an http or https endpoint",
    "--port 70000",
    "--preset gentle: one of slow, flaky, hostile",
    'there is no fault "explode"',
    "--rules: ENOENT"
  ]) {
    expect(err).toContain(words)
  }
  const unfit = await run(["chaos", "--target", "https://s3.test", "--rule", "html200"])
  expect([unfit.code, unfit.err]).toEqual([2, expect.stringContaining('"html200" needs')])
})
