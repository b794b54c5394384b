import { basename, dirname } from "node:path"
import { expect, it } from "vitest"
import { bucket, foreignClient, type Place } from "./foreign-client.ts"
import { clientTitle, run, toolPath } from "./run.ts"

const rclone = ({ server, directory }: Place, args: ReadonlyArray<string>, stdin?: string) =>
  run(toolPath("rclone"), [...args, "--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M", "--retries", "1"], {
    ...(stdin === undefined ? {} : { stdin }),
    env: {
      HOME: directory,
      RCLONE_CONFIG: "/dev/null",
      RCLONE_CONFIG_S_TYPE: "s3",
      RCLONE_CONFIG_S_PROVIDER: "Other",
      RCLONE_CONFIG_S_ENDPOINT: server.endpoint,
      RCLONE_CONFIG_S_REGION: server.region,
      RCLONE_CONFIG_S_ACCESS_KEY_ID: server.credentials.accessKeyId,
      RCLONE_CONFIG_S_SECRET_ACCESS_KEY: server.credentials.secretAccessKey
    }
  })

const at = (key: string) => `s:${bucket}/${key}`

foreignClient({
  ...clientTitle("rclone"),
  connect: (place) => ({
    put: (from, key) => rclone(place, ["copyto", from, at(key)]),
    get: (key, to) => rclone(place, ["copyto", at(key), to]),
    list: async (prefix) => {
      const names = await rclone(place, ["lsf", at(prefix)])
      return names
        .trim()
        .split("\n")
        .map((name) => prefix + name)
    },
    remove: (key) => rclone(place, ["deletefile", at(key)]),
    copy: (from, to) => rclone(place, ["copyto", at(from), at(to)])
  }),
  more: (place) => {
    it("syncs a directory, checks it, and sees a change", async () => {
      const { directory, file } = place()
      const large = await file(6 * 2 ** 20)
      const only = ["--include", "source-*"]
      await rclone(place(), ["sync", directory, at("synced"), ...only])
      await rclone(place(), ["check", directory, at("synced"), ...only])
      await rclone(place(), ["check", directory, at("synced"), ...only, "--download"])
      await rclone(place(), ["copyto", await file(10), at(`synced/${basename(large)}`)])
      await expect(rclone(place(), ["check", dirname(large), at("synced"), ...only])).rejects.toThrow(
        "differences found"
      )
    })

    it("streams what has no length", async () => {
      const { server, file } = place()
      const source = await file(7 * 2 ** 20)
      await rclone(place(), ["rcat", at("piped")], source)
      expect(await server.object(bucket, "piped")).toHaveLength(7 * 2 ** 20)
    })
  }
})
