/**
 * Sluice through its promise API, with its defaults: `node sluice.js file|stream|pipe [MAX_SIZE]` (pipe: standard
 * input, of at most so many bytes).
 */
import { setFlagsFromString } from "node:v8"
import { createSluice, Source, s3 } from "@sluice/core/promise"
import { measure } from "../measure.js"
import { freshChunks } from "../workload.js"

// The pipe is the command line's main job: the same setting as in packages/cli/bin/sluice.js.
if (process.argv[2] === "pipe") setFlagsFromString("--memory-saver-mode")

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
  if (process.argv[2] === "pipe") {
    // Idle is a process that is connected and waits: an empty object has gone before.
    await sluice.upload({ key: "first", body: new Uint8Array(0) }).done()
    workload.idle()
  }
  const maxSize = process.argv[3] === undefined ? undefined : Number(process.argv[3])
  await sluice.upload({ key: "object", body: bodyOf(workload), maxSize }).done()
})
