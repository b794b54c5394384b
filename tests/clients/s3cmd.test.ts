import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { bucket, foreignClient, type Place } from "./foreign-client.ts"
import { clientTitle, run, toolPath } from "./run.ts"

const s3cmd = ({ directory }: Place, args: ReadonlyArray<string>) =>
  run(toolPath("s3cmd"), ["--config", join(directory, "s3cfg"), "--no-progress", ...args], {
    env: { HOME: directory, LANG: "C.UTF-8" }
  })

const at = (key: string) => `s3://${bucket}/${key}`

foreignClient({
  ...clientTitle("s3cmd"),
  connect: (place) => {
    const { server, directory } = place
    const { host } = new URL(server.endpoint)
    const settings = {
      access_key: server.credentials.accessKeyId,
      secret_key: server.credentials.secretAccessKey,
      bucket_location: server.region,
      // A host_bucket without %(bucket)s asks for the bucket in the path.
      host_base: host,
      host_bucket: host,
      use_https: "False",
      multipart_chunk_size_mb: "5"
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
    writeFileSync(join(directory, "s3cfg"), `[default]\n${lines.join("\n")}\n`)
    return {
      put: (from, key) => s3cmd(place, ["put", from, at(key)]),
      get: (key, to) => s3cmd(place, ["get", "--force", at(key), to]),
      list: async (prefix) =>
        [...(await s3cmd(place, ["ls", at(prefix)])).matchAll(/s3:\/\/media\/(.*)$/gm)].map(([, key]) => String(key)),
      remove: (key) => s3cmd(place, ["del", at(key)]),
      copy: (from, to) => s3cmd(place, ["cp", at(from), at(to)])
    }
  },
  more: (place) => {
    it("syncs a directory, and finds nothing to do the second time", async () => {
      const { directory, file } = place()
      await file(10)
      const sync = () => s3cmd(place(), ["sync", "--exclude=*", "--include=source-*", `${directory}/`, at("synced/")])
      expect(await sync()).toContain("upload:")
      expect(await sync()).not.toContain("upload:")
    })
  }
})
