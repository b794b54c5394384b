/**
 * A download in a process of its own, until somebody kills it.
 *
 * Run by `node`; the work is the JSON in its first argument.
 */
import { createSluice, s3 } from "@sluice/core/promise"
import type { DownloadWork } from "./work.ts"

const { key, store, to }: DownloadWork = JSON.parse(process.argv[2] ?? "{}")
await using sluice = createSluice({ store: s3(store), partSize: 5 * 1024 * 1024, concurrency: 2 })
const file = await sluice.download({ key, to, onFailure: "keep" })
process.stdout.write(`whole ${file.size} ${file.proof}\n`)
