import { join } from "node:path"
import { bucket, foreignClient, type Place } from "./foreign-client.ts"
import { clientTitle, run, toolPath } from "./run.ts"

const bun = ({ server, directory }: Place, args: ReadonlyArray<string>) =>
  run(toolPath("bun"), [join(import.meta.dirname, "bun.js"), ...args], {
    env: {
      HOME: directory,
      ENDPOINT: server.endpoint,
      BUCKET: bucket,
      AWS_REGION: server.region,
      AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey
    }
  })

foreignClient({
  ...clientTitle("bun"),
  connect: (place) => ({
    put: (from, key) => bun(place, ["put", from, key]),
    get: (key, to) => bun(place, ["get", key, to]),
    list: async (prefix) => (await bun(place, ["list", prefix])).split("\n").filter((key) => key !== ""),
    remove: (key) => bun(place, ["remove", key]),
    // It has no copy of the store's: it reads and writes.
    copy: (from, to) => bun(place, ["copy", from, to])
  })
})
