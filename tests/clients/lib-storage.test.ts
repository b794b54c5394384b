import { createReadStream, createWriteStream } from "node:fs"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  paginateListObjectsV2,
  S3Client
} from "@aws-sdk/client-s3"
import { Upload } from "@aws-sdk/lib-storage"
import { expect, it } from "vitest"
import { bucket as Bucket, foreignClient, type Place } from "./foreign-client.ts"

const connect = ({ server: { endpoint, region, credentials } }: Place) =>
  new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 })

foreignClient({
  title: "lib-storage",
  connect: (place) => {
    // As it comes: CRC32 in a trailer, Expect: 100-continue on what is large.
    const client = connect(place)
    return {
      put: (from, Key) => new Upload({ client, params: { Bucket, Key, Body: createReadStream(from) } }).done(),
      get: async (Key, to) => {
        const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }))
        if (!(Body instanceof Readable)) throw new Error("no stream")
        await pipeline(Body, createWriteStream(to))
      },
      list: async (Prefix) => {
        const keys: Array<string> = []
        for await (const { Contents = [] } of paginateListObjectsV2({ client, pageSize: 1 }, { Bucket, Prefix }))
          keys.push(...Contents.map(({ Key }) => String(Key)))
        return keys
      },
      remove: (Key) => client.send(new DeleteObjectCommand({ Bucket, Key })),
      copy: (from, Key) => client.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/${from}` }))
    }
  },
  more: (place) => {
    it("an upload that is aborted leaves nothing", async () => {
      const client = connect(place())
      const source = await place().file(12 * 2 ** 20)
      const params = { Bucket, Key: "aborted", Body: createReadStream(source) }
      const upload = new Upload({ client, params, queueSize: 1 })
      upload.on("httpUploadProgress", () => void upload.abort())
      await expect(upload.done()).rejects.toThrow()
      await expect.poll(() => place().server.openUploads()).toEqual([])
      client.destroy()
    })
  }
})
