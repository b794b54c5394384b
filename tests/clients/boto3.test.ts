import { join } from "node:path"
import { expect, it } from "vitest"
import { bucket, foreignClient, type Place } from "./foreign-client.ts"
import { clientTitle, run, toolPath } from "./run.ts"

const boto3 = ({ server, directory }: Place, args: ReadonlyArray<string>) =>
  run(toolPath("boto3"), [join(import.meta.dirname, "boto3.py"), ...args], {
    env: {
      HOME: directory,
      ENDPOINT: server.endpoint,
      BUCKET: bucket,
      AWS_DEFAULT_REGION: server.region,
      AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: "true"
    }
  })

const lines = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")

foreignClient({
  ...clientTitle("boto3"),
  connect: (place) => ({
    put: (from, key) => boto3(place, ["put", from, key]),
    get: (key, to) => boto3(place, ["get", key, to]),
    list: async (prefix) => lines(await boto3(place, ["list", prefix])),
    remove: (key) => boto3(place, ["remove", key]),
    copy: (from, to) => boto3(place, ["copy", from, to])
  }),
  more: (place) => {
    it("puts and gets with every checksum that it can compute", async () => {
      const algorithms = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]
      expect(lines(await boto3(place(), ["checksums", ...algorithms]))).toEqual(algorithms)
    })
  }
})
