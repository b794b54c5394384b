import { once } from "node:events"
import { connect } from "node:net"
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  S3Client,
  UploadPartCommand
} from "@aws-sdk/client-s3"
import { expect, it, onTestFinished } from "vitest"
import { sign } from "../../test/behaviour/sign.ts"
import { memoryStore, type S3Server, startS3 } from "../index.ts"

/** A server whose store keeps an object waiting until it is told to go on. */
async function slowServer(): Promise<{
  readonly server: S3Server
  readonly goOn: () => void
  readonly fail: () => void
}> {
  const store = memoryStore()
  const gate = Promise.withResolvers<void>()
  const server = await startS3({
    buckets: ["media"],
    keepAliveMillis: 1,
    store: {
      ...store,
      save: async (record) => {
        if (record.kind === "object") await gate.promise
        return store.save(record)
      }
    }
  })
  onTestFinished(() => server.close())
  return { server, goOn: gate.resolve, fail: () => gate.reject(new Error("the disk is full")) }
}

async function begin(server: S3Server) {
  const { endpoint, region, credentials } = server
  const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 })
  onTestFinished(() => s3.destroy())
  const { UploadId = "" } = await s3.send(new CreateMultipartUploadCommand({ Bucket: "media", Key: "k" }))
  const { ETag } = await s3.send(
    new UploadPartCommand({ Bucket: "media", Key: "k", UploadId, PartNumber: 1, Body: "bytes" })
  )
  return { s3, UploadId, ETag }
}

it("a Complete that takes long answers 200 at once, then blanks, then how it ended", async () => {
  const { server, goOn } = await slowServer()
  const { UploadId, ETag } = await begin(server)
  const target = `/media/k?uploadId=${UploadId}`
  const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${ETag}</ETag></Part></CompleteMultipartUpload>`
  const { headers } = sign(server, { method: "POST", target, body: Buffer.from(body) })
  const socket = connect(server.port, "127.0.0.1")
  const lines = Object.entries({ ...headers, connection: "close", "content-length": `${body.length}` })
  socket.write(
    `POST ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`
  )
  let answer = ""
  // Each blank is a chunk of one byte.
  const blanks = () => answer.match(/\r\n1\r\n \r\n/g)?.length ?? 0
  socket.on("data", (chunk) => {
    answer += chunk
    if (blanks() > 0) goOn()
  })
  await once(socket, "close")
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  expect(answer.indexOf("<?xml")).toBeLessThan(answer.indexOf("<CompleteMultipartUploadResult"))
  expect(answer.match(/<\?xml/g)).toHaveLength(1)
})

it.each(["goOn", "fail"] as const)("a client of AWS's reads behind the blanks how it ended (%s)", async (how) => {
  const slow = await slowServer()
  const { server } = slow
  const { s3, UploadId, ETag } = await begin(server)
  const parts = { MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }
  const complete = s3.send(new CompleteMultipartUploadCommand({ Bucket: "media", Key: "k", UploadId, ...parts }))
  const outcome = complete.then(
    (answer) => answer,
    (error: unknown) => error
  )
  const before = server.traffic().bytesOut
  const seen = new Set<number>()
  while (seen.size < 3) {
    await new Promise((resolve) => setImmediate(resolve))
    if (server.traffic().bytesOut > before) seen.add(server.traffic().bytesOut)
  }
  slow[how]()
  expect(await outcome).toMatchObject(
    how === "goOn" ? { Bucket: "media", Key: "k", ETag: expect.stringContaining("-1") } : { name: "InternalError" }
  )
})
