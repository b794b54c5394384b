import { join } from "node:path"
import { expect, it } from "vitest"
import { bucket, foreignClient, type Place } from "./foreign-client.ts"
import { clientTitle, run, toolPath } from "./run.ts"

const s5cmd = ({ server, directory }: Place, args: ReadonlyArray<string>) =>
  run(toolPath("s5cmd"), ["--endpoint-url", server.endpoint, ...args], {
    env: {
      HOME: directory,
      AWS_REGION: server.region,
      AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey
    }
  })

const at = (key: string) => `s3://${bucket}/${key}`

foreignClient({
  ...clientTitle("s5cmd"),
  connect: (place) => ({
    put: (from, key) => s5cmd(place, ["cp", "--part-size", "5", from, at(key)]),
    get: (key, to) => s5cmd(place, ["cp", "--raw", at(key), to]),
    list: async (prefix) => {
      const lines = (await s5cmd(place, ["--json", "ls", at(`${prefix}*`)])).trim().split("\n")
      return lines.map((line) => String(JSON.parse(line).key).replace(at(""), ""))
    },
    remove: (key) => s5cmd(place, ["rm", "--raw", at(key)]),
    copy: (from, to) => s5cmd(place, ["cp", "--raw", at(from), at(to)])
  }),
  more: (place) => {
    it("syncs a directory, and finds nothing to do the second time", async () => {
      const { directory, file } = place()
      await file(10)
      const sync = () => s5cmd(place(), ["sync", join(directory, "source-*"), at("synced/")])
      expect(await sync()).toContain("synced/source-1")
      expect(await sync()).toBe("")
    })

    it("removes by pattern, many keys in one request", async () => {
      const { server, file } = place()
      const source = await file(1)
      for (const name of ["a", "b", "c"]) await s5cmd(place(), ["cp", source, at(`many/${name}`)])
      await s5cmd(place(), ["rm", at("many/*")])
      expect(server.requests.at(-1)?.op).toBe("DeleteObjects")
      for (const name of ["a", "b", "c"]) expect(await server.object(bucket, `many/${name}`)).toBeUndefined()
    })
  }
})
