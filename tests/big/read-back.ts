/**
 * Downloads through decryption and decompression, in a process of its own, until somebody kills it.
 *
 * Run by `node`; the work is the JSON in its first argument. At its end it prints what it found and its memory in MiB.
 */
import { createSluice, type SluiceOptions, s3 } from "@sluice/core/promise"
import { compression } from "@sluice/plugins/compression"
import { clientSide } from "@sluice/plugins/encryption/client-side"

export interface ReadBack {
  readonly store: Parameters<typeof s3>[0]
  readonly key: string
  readonly to: string
  /** Hex, 32 bytes. */
  readonly secret: string
}

export const transfer = { partSize: 8 * 1024 * 1024, concurrency: 4, memoryBudget: 64 * 1024 * 1024 }

export const openSluice = ({ secret, store }: Pick<ReadBack, "secret" | "store">) => {
  const options: SluiceOptions = {
    ...transfer,
    store: s3(store),
    plugins: [compression(), clientSide({ key: { id: "k1", secret: Buffer.from(secret, "hex") } })]
  }
  return createSluice(options)
}

if (import.meta.main) {
  const work: ReadBack = JSON.parse(process.argv[2] ?? "{}")
  await using sluice = openSluice(work)
  await sluice.ready()
  const rss = (): number => Math.round(process.resourceUsage().maxRSS / 1024)
  const idle = rss()
  const { found, size } = await sluice.download({ key: work.key, to: work.to, onFailure: "keep" })
  process.stdout.write(JSON.stringify({ found, size, idle, peak: rss() }))
}
