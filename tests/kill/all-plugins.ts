/**
 * One run of an upload through every plugin that is hard on the seam, in a process of its own, which may die when so
 * many parts are stored.
 *
 * Run by `node`; the work is the JSON in its first argument.
 */
import * as FileJournal from "@sluice/core/FileJournal"
import { createSluice, Source, s3 } from "@sluice/core/promise"
import { compression } from "@sluice/plugins/compression"
import { clientSide } from "@sluice/plugins/encryption/client-side"
import { webhook } from "@sluice/plugins/events/webhook"
import { etag } from "@sluice/plugins/integrity/etag"
import type { PluginWork } from "./work.ts"

const work: PluginWork = JSON.parse(process.argv[2] ?? "{}")
await using sluice = createSluice({
  store: s3(work.store),
  journal: FileJournal.layer(work.journal),
  plugins: pluginsOf(work),
  partSize: 5 * 1024 * 1024,
  concurrency: 2,
  // A receiver that is away is soon given up: the Janitor goes on with it.
  retryWithinMs: 1_000
})
const { key } = work
const onProgress = ({ partsStored }: { readonly partsStored: number }): void => {
  if (partsStored === work.dieAfterParts) process.kill(process.pid, "SIGKILL")
}
const body = Source.file(work.file)
const upload = work.resume
  ? sluice.resume({ key }, { body, onProgress })
  : sluice.upload({ key, body, onProgress, annotations: { user: "ada" } })
const stored = await upload.done()
process.stdout.write(`stored ${stored.parts} ${stored.proof}\n`)

function pluginsOf({ secret, webhookSecret, url }: PluginWork) {
  return [
    compression(),
    clientSide({ key: { id: "k", secret: Buffer.from(secret, "hex") } }),
    etag(),
    webhook({ url, secret: webhookSecret, allowPrivate: true })
  ]
}
