import { join } from "node:path"
import { expect, it } from "vitest"
import { bucket, foreignClient, type Place } from "./foreign-client.ts"
import { clientTitle, run, toolPath } from "./run.ts"

const aws = (place: Place, args: ReadonlyArray<string>) =>
  run(toolPath("aws"), args, {
    env: {
      HOME: place.directory,
      AWS_ENDPOINT_URL: place.server.endpoint,
      AWS_REGION: place.server.region,
      AWS_ACCESS_KEY_ID: place.server.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: place.server.credentials.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: "true"
    }
  })

foreignClient({
  ...clientTitle("aws"),
  connect: (place) => {
    const at = (key: string) => `s3://${bucket}/${key}`
    return {
      put: (from, key) => aws(place, ["s3", "cp", from, at(key)]),
      get: (key, to) => aws(place, ["s3", "cp", at(key), to]),
      list: async (prefix) => {
        const args = ["s3api", "list-objects-v2", "--bucket", bucket, "--prefix", prefix, "--query", "Contents[].Key"]
        const keys: unknown = JSON.parse(await aws(place, args))
        return Array.isArray(keys) ? keys.map(String) : []
      },
      remove: (key) => aws(place, ["s3", "rm", at(key)]),
      copy: (from, to) => aws(place, ["s3", "cp", at(from), at(to)])
    }
  },
  more: (place) => {
    it("syncs a directory, and finds nothing to do the second time", async () => {
      const { directory, file } = place()
      await file(10)
      const sync = () =>
        aws(place(), ["s3", "sync", directory, `s3://${bucket}/synced/`, "--exclude", "*", "--include", "source-*"])
      expect(await sync()).toContain("upload:")
      expect(await sync()).toBe("")
      await aws(place(), ["s3", "sync", `s3://${bucket}/synced/`, join(directory, "synced")])
      await run("diff", [join(directory, "source-1"), join(directory, "synced", "source-1")], { env: {} })
    })
  }
})
