/**
 * Sluice with `integrity/etag`: `node sluice-md5.js workers|inline`. The sink looks at no byte, so it cannot answer with
 * MD5s; who runs us knows those of the file's parts and names them in BENCH_ETAGS, and the plugin is shown them instead.
 */
import { createSluice, Source, s3 } from "@sluice/core/promise"
import { etag } from "@sluice/plugins/integrity/etag"
import * as Effect from "effect/Effect"
import { measure } from "../measure.js"

// Without shared memory there are no workers, and digests are taken in-line.
if (process.argv[2] === "inline") Reflect.deleteProperty(globalThis, "SharedArrayBuffer")

const etags = (process.env["BENCH_ETAGS"] ?? "").split(",")

/** @returns {import("@sluice/core/Plugin").Plugin} */
const shownEtags = () => {
  const plugin = etag()
  return {
    name: plugin.name,
    open: (upload) =>
      Effect.map(plugin.open(upload), ({ send, ...hooks }) => ({
        ...hooks,
        send: (part, next) => {
          if (send === undefined) return next(part)
          let own = ""
          const shown = send(part, (sent) =>
            Effect.map(next(sent), (stored) => {
              own = stored.etag
              return { ...stored, etag: etags[(part.partNumber - 1) % etags.length] ?? "" }
            })
          )
          return Effect.map(shown, (stored) => ({ ...stored, etag: own }))
        }
      }))
  }
}

await measure(async ({ endpoint, file }) => {
  await using sluice = createSluice({
    store: s3({
      bucket: "bench",
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "bench", secretAccessKey: "bench" }
    }),
    plugins: [shownEtags()]
  })
  await sluice.upload({ key: "object", body: Source.file(file) }).done()
})
