/** Sluice through its promise API, with its defaults: `node sluice.js file|stream`. */
import { createSluice, Source, s3 } from "@sluice/core/promise"
import { measure } from "../measure.js"
import { freshChunks } from "../workload.js"

await measure(async ({ endpoint, size, file }) => {
  const sluice = createSluice({
    store: s3({
      bucket: "bench",
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "bench", secretAccessKey: "bench" }
    })
  })
  const body = process.argv[2] === "file" ? Source.file(file) : freshChunks(size)
  await sluice.upload({ key: "object", body }).done()
})
