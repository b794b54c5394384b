import { createReadStream } from "node:fs"
import { stat } from "node:fs/promises"
import { Client } from "minio"
import { expect, it } from "vitest"
import { bucket, foreignClient, type Place } from "./foreign-client.ts"

const connect = ({ server }: Place) => {
  const { hostname, port } = new URL(server.endpoint)
  const { accessKeyId: accessKey, secretAccessKey: secretKey } = server.credentials
  const { region } = server
  return new Client({
    endPoint: hostname,
    port: Number(port),
    useSSL: false,
    accessKey,
    secretKey,
    region,
    partSize: 5 * 2 ** 20
  })
}

foreignClient({
  title: "minio-js",
  connect: (place) => {
    const client = connect(place)
    return {
      put: async (from, key) => client.putObject(bucket, key, createReadStream(from), (await stat(from)).size),
      get: (key, to) => client.fGetObject(bucket, key, to),
      list: async (prefix) => {
        const keys: Array<string> = []
        for await (const { name } of client.listObjectsV2(bucket, prefix, true)) keys.push(name)
        return keys
      },
      remove: (key) => client.removeObject(bucket, key),
      copy: (from, to) => client.copyObject(bucket, to, `/${bucket}/${from}`)
    }
  },
  more: (place) => {
    it("puts and gets by presigned URLs", async () => {
      const client = connect(place())
      const put = await client.presignedPutObject(bucket, "presigned key", 60)
      expect((await fetch(put, { method: "PUT", body: "by URL" })).status).toBe(200)
      const get = await client.presignedGetObject(bucket, "presigned key", 60)
      expect(await (await fetch(get)).text()).toBe("by URL")
    })

    it("streams what has no length", async () => {
      const source = await place().file(7 * 2 ** 20)
      await connect(place()).putObject(bucket, "streamed", createReadStream(source))
      expect(await place().server.object(bucket, "streamed")).toHaveLength(7 * 2 ** 20)
    })
  }
})
