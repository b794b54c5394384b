/** Sluice through its promise API, with its defaults: `node sluice.js file|stream|pipe` (pipe: standard input). */
import { createSluice, Source, s3 } from "@sluice/core/promise"
import { measure } from "../measure.js"
import { freshChunks } from "../workload.js"

/** @param {import("../measure.js").Workload} workload */
const bodyOf = ({ file, size }) => {
  if (process.argv[2] === "file") return Source.file(file)
  return process.argv[2] === "pipe" ? Source.stdin() : freshChunks(size)
}

await measure(async (workload) => {
  await using sluice = createSluice({
    store: s3({
      bucket: "bench",
      endpoint: workload.endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "bench", secretAccessKey: "bench" }
    })
  })
  await sluice.upload({ key: "object", body: bodyOf(workload) }).done()
})
