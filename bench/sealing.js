/**
 * `node bench/sealing.js [--rounds 9]`: what client-side encryption costs beside WebCrypto alone, which seals the same
 * chunks of 1 MiB, four at a time, and keeps nothing. In turns within one process. Exit 1 below 0.8 × its throughput.
 */
import { parseArgs } from "node:util"
import { clientSide } from "@sluice/plugins/encryption/client-side"
import * as Effect from "effect/Effect"
import { MiB } from "./workload.js"

const partSize = 8 * MiB
const parts = 32
const bytes = new Uint8Array(partSize).map((_, i) => i * 7)

const key = await crypto.subtle.importKey("raw", new Uint8Array(32), "AES-GCM", false, ["encrypt"])
const webCrypto = async () => {
  for (let part = 0; part < parts; part++) {
    let next = 0
    const worker = async () => {
      while (next < partSize / MiB) {
        const at = next++ * MiB
        const iv = new Uint8Array(12)
        await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, bytes.subarray(at, at + MiB))
      }
    }
    await Promise.all([worker(), worker(), worker(), worker()])
  }
}

const plugin = clientSide({ key: { id: "bench", secret: new Uint8Array(32) } })
/** @type {import("@sluice/core/Plugin").UploadContext} */
const upload = {
  sessionId: "bench",
  bucket: "bench",
  key: "object",
  source: { size: undefined, name: undefined, contentType: undefined, replayable: true, identity: undefined },
  capabilities: (await import("@sluice/core/Limits")).profiles.aws,
  annotations: {},
  resumed: false,
  saved: undefined,
  save: () => Effect.void,
  exists: () => Effect.succeed(false),
  stored: () => Effect.never
}
/** @type {import("@sluice/core/UploadPlan").UploadPlan} */
const plan = {
  key: "object",
  mode: "multipart",
  size: partSize * parts,
  layout: { _tag: "Uniform", partSize },
  attributes: {},
  condition: {},
  checksum: "FULL_OBJECT",
  resumable: true
}
const sealing = Effect.scoped(
  Effect.gen(function* () {
    const hooks = yield* plugin.open(upload)
    if (hooks.plan === undefined || hooks.part === undefined) return
    yield* hooks.plan(plan)
    for (let part = 0; part < parts; part++) {
      const last = part === parts - 1
      yield* hooks.part.transform({ partNumber: part + 1, offset: part * partSize, bytes, last })
    }
  })
)

const { values } = parseArgs({ options: { rounds: { type: "string", default: "9" } } })
const median = (/** @type {number[]} */ all) => all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN
/** @type {number[]} */
const ratios = []
for (let round = -1; round < Number(values.rounds); round++) {
  const started = performance.now()
  await webCrypto()
  const between = performance.now()
  await Effect.runPromise(sealing)
  const ended = performance.now()
  // One round to warm up.
  if (round >= 0) ratios.push((between - started) / (ended - between))
}
const low = Math.min(...ratios)
const high = Math.max(...ratios)
console.log(
  `sealing has ${median(ratios).toFixed(2)} × WebCrypto's throughput (${low.toFixed(2)} to ${high.toFixed(2)}), ${partSize / MiB} MiB parts`
)
process.exitCode = median(ratios) >= 0.8 ? 0 : 1
