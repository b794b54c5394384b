/**
 * One upload with a mirror, in a process of its own, which lives until it is killed.
 *
 * Run by `node`; the work is the JSON in its first argument.
 */
import * as FileJournal from "@sluice/core/FileJournal"
import { createSluice, Source, s3 } from "@sluice/core/promise"
import { mirror } from "@sluice/plugins/mirror"
import type { MirrorWork } from "./work.ts"

const { copies, file, journal, key, second, store }: MirrorWork = JSON.parse(process.argv[2] ?? "{}")
const options = { partSize: 5 * 1024 * 1024, concurrency: 1 }
await using sluice = createSluice({
  store: s3(store),
  journal: FileJournal.layer(journal),
  plugins: [mirror({ to: s3(second), journal: FileJournal.layer(copies), ...options })],
  ...options
})
await sluice.upload({ key, body: Source.file(file) }).done()
// Whoever is killed is killed amid the delivery.
await new Promise((resolve) => setTimeout(resolve, 60_000))
