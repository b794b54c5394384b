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
async function slowServer(): Promise<{ readonly server: S3Server; readonly goOn: () => void }> {
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
  return { server, goOn: gate.resolve }
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
  const blanks = () => /\?>\s+( |\r\n1)/.test(answer) && (answer.match(/1\r\n \r\n/g) ?? []).length >= 2
  socket.on("data", (chunk) => {
    answer += chunk
    if (blanks()) goOn()
  })
  await once(socket, "close")
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  expect(answer.indexOf("<?xml")).toBeLessThan(answer.indexOf("<CompleteMultipartUploadResult"))
  expect(answer.match(/<\?xml/g)).toHaveLength(1)
})

it("a client of AWS's reads the outcome, also a refusal, behind the blanks", async () => {
  const { server, goOn } = await slowServer()
  const { s3, UploadId, ETag } = await begin(server)
  const complete = (IfNoneMatch?: string) =>
    s3.send(
      new CompleteMultipartUploadCommand({
        ...{ Bucket: "media", Key: "k", UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } },
        ...(IfNoneMatch === undefined ? {} : { IfNoneMatch })
      })
    )
  const first = complete()
  while (server.traffic().bytesOut < 1_500) await new Promise((resolve) => setImmediate(resolve))
  goOn()
  expect(await first).toMatchObject({ Bucket: "media", Key: "k", ETag: expect.stringContaining("-1") })
})
