import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import { Agent } from "node:https"
import { GetObjectCommand, ListBucketsCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { startS3 } from "@sluice/testkit"
import { describe, expect, it, onTestFinished } from "vitest"
import { run, start, tempDirectory } from "./sluice-process.ts"

/** `sluice s3 --port 0 …`, once it has said all there is to say; its `export` lines. */
const serveS3 = async (...args: ReadonlyArray<string>) => {
  const { child, ended } = start(["s3", "--port", "0", ...args])
  let said = ""
  const announced = new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes(args.includes("--tls") ? "NODE_EXTRA_CA_CERTS=" : "AWS_REGION=")) resolve()
    })
  })
  await Promise.race([announced, ended.then(({ err }) => Promise.reject(new Error(`sluice s3 ended: ${err}`)))])
  const env = Object.fromEntries([...said.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]))
  return { child, ended, said, env }
}

const clientOf = (env: Record<string, string | undefined>, ca?: string) => {
  const client = new S3Client({
    endpoint: env["AWS_ENDPOINT_URL_S3"] ?? "",
    region: env["AWS_REGION"] ?? "",
    credentials: {
      accessKeyId: env["AWS_ACCESS_KEY_ID"] ?? "",
      secretAccessKey: env["AWS_SECRET_ACCESS_KEY"] ?? ""
    },
    forcePathStyle: true,
    maxAttempts: 1,
    ...(ca === undefined ? {} : { requestHandler: { httpsAgent: new Agent({ ca }) } })
  })
  onTestFinished(() => client.destroy())
  return client
}

const read = async (client: S3Client, Bucket: string, Key: string) => {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }))
  return Buffer.from((await Body?.transformToByteArray()) ?? [])
}

describe("sluice s3", () => {
  it("serves a bucket to whoever takes over its lines, and ends cleanly on SIGINT", async () => {
    const { child, ended, env } = await serveS3()
    expect(env).toMatchObject({ AWS_ACCESS_KEY_ID: "sluice", AWS_SECRET_ACCESS_KEY: "sluicesecret" })
    expect(env["AWS_ENDPOINT_URL_S3"]).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    const client = clientOf(env)
    const Body = randomBytes(100_000)
    await client.send(new PutObjectCommand({ Bucket: "sluice", Key: "k", Body }))
    expect((await read(client, "sluice", "k")).equals(Body)).toBe(true)
    child.kill("SIGINT")
    expect(await ended).toMatchObject({ code: 0, err: "" })
  })

  it("keeps buckets and objects in --data, and ends cleanly on SIGTERM", async () => {
    const directory = await tempDirectory()
    const first = await serveS3("--data", directory, "--bucket", "one", "--bucket", "two")
    await clientOf(first.env).send(new PutObjectCommand({ Bucket: "two", Key: "k", Body: "kept" }))
    first.child.kill("SIGTERM")
    expect(await first.ended).toMatchObject({ code: 0, err: "" })
    const second = await serveS3("--data", directory, "--bucket", "three")
    const client = clientOf(second.env)
    expect((await read(client, "two", "k")).toString()).toBe("kept")
    const { Buckets = [] } = await client.send(new ListBucketsCommand({}))
    expect(Buckets.map(({ Name }) => Name).sort()).toEqual(["one", "three", "two"])
  })

  it("speaks HTTPS and answers like a provider; its certificate is there to be trusted while it runs", async () => {
    const { child, env } = await serveS3("--tls", "--profile", "r2")
    expect(env["AWS_REGION"]).toBe("auto")
    const path = env["AWS_CA_BUNDLE"] ?? ""
    const client = clientOf(env, await readFile(path, "utf8"))
    const put = () => client.send(new PutObjectCommand({ Bucket: "sluice", Key: "k", Body: "sealed", Tagging: "a=b" }))
    await expect(put()).rejects.toMatchObject({ name: "NotImplemented" })
    child.kill("SIGINT")
    await once(child, "exit")
    await expect(readFile(path)).rejects.toMatchObject({ code: "ENOENT" })
  })

  it("says what is wrong with its flags", async () => {
    expect(await run(["s3", "--profile", "azure", "--port", "x"])).toMatchObject({
      code: 2,
      lines: [
        "sluice: --port x: a number from 0 to 65535",
        "sluice: --profile azure: one of aws, minio, r2, b2, gcs, ceph, garage, seaweedfs"
      ]
    })
    expect(await run(["s3", "--port", "0", "--bucket", "No"])).toMatchObject({
      code: 2,
      err: "sluice: --bucket: 3 to 63 of a-z, 0-9, dot and hyphen, as S3 names buckets\n"
    })
    await using other = await startS3()
    expect(await run(["s3", "--port", `${other.port}`])).toMatchObject({
      code: 1,
      err: `sluice: port ${other.port} is in use; --port names another, 0 a free one\n`
    })
  })
})
