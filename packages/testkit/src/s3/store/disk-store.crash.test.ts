import { type ChildProcess, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import {
  CreateMultipartUploadCommand,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand
} from "@aws-sdk/client-s3"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { startS3 } from "../../index.ts"
import { diskStore } from "./disk-store.ts"

const SIZE = 6 * 1024 * 1024
const fresh = Buffer.alloc(SIZE, "new bytes ")
const children = new Set<ChildProcess>()
let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-crash-"))
  await (await startS3({ store: diskStore(directory), buckets: ["media"] })).close()
})

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL")
  await rm(directory, { recursive: true, force: true })
})

/** A server in a process of its own, so that it can be killed. */
async function startChild() {
  const script = `
    import { diskStore, startS3 } from ${JSON.stringify(new URL("../../store.ts", import.meta.url).href)}
    console.log((await startS3({ store: diskStore(${JSON.stringify(directory)}) })).endpoint)`
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "ignore"] })
  children.add(child)
  const [line] = await once(child.stdout, "data")
  const kill = async () => {
    child.kill("SIGKILL")
    await once(child, "exit")
    children.delete(child)
  }
  return { s3: clientOf(String(line).trim()), kill }
}

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

const clientOf = (endpoint: string): S3Client =>
  new S3Client({
    ...{ endpoint, region: "us-east-1", forcePathStyle: true, maxAttempts: 1, logger: silent },
    credentials: { accessKeyId: "sluice", secretAccessKey: "sluicesecret" }
  })

/** Bodies that stop at a share of their length, and a promise of the moment when all have. */
function bodies(count: number, share: number) {
  const { promise: reached, resolve } = Promise.withResolvers<void>()
  let arrived = 0
  async function* chunks() {
    const sent = Math.floor(SIZE * share)
    for (let at = 0; at < sent; at += 65_536) yield fresh.subarray(at, Math.min(at + 65_536, sent))
    if (++arrived === count) resolve()
    if (share < 1) await new Promise(() => {})
  }
  return { reached, next: () => ({ Body: Readable.from(chunks()), ContentLength: SIZE }) }
}

describe("diskStore", () => {
  it.each([0, 0.5, 0.999, 1])(
    "SIGKILL after %d of a body: what was answered is there, and no half of the rest",
    async (share) => {
      const object = { Bucket: "media", Key: "object" }
      const old = randomBytes(100_000)
      const part = randomBytes(100_000)
      const { s3, kill } = await startChild()
      await s3.send(new PutObjectCommand({ ...object, Body: old }))
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand(object))
      const upload = { ...object, UploadId }
      await s3.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: part }))

      const body = bodies(3, share)
      const answers = Promise.allSettled([
        s3.send(new PutObjectCommand({ ...object, ...body.next() })),
        s3.send(new UploadPartCommand({ ...upload, PartNumber: 1, ...body.next() })),
        s3.send(new UploadPartCommand({ ...upload, PartNumber: 2, ...body.next() }))
      ])
      await body.reached
      await kill()
      s3.destroy()
      const [put] = await answers

      await using server = await startS3({ store: diskStore(directory) })
      expect(await readdir(join(directory, "tmp"))).toEqual([])
      const stored = Buffer.from((await server.object("media", "object")) ?? [])
      const replaced = stored.equals(fresh)
      expect(replaced || stored.equals(old)).toBe(true)
      // Applied with its answer lost is allowed, answered but not applied is not.
      if (put.status === "fulfilled") expect(replaced).toBe(true)
      if (share < 1) expect(replaced).toBe(false)
      const client = clientOf(server.endpoint)
      const { Parts = [] } = await client.send(new ListPartsCommand(upload))
      client.destroy()
      const sizes = Parts.map(({ Size }) => Size)
      if (share < 1) expect(sizes).toEqual([part.length])
      else for (const size of sizes) expect([part.length, SIZE]).toContain(size)
      expect(await readdir(join(directory, "blobs"))).toHaveLength(1 + Parts.length)
    }
  )
})
