import type { Hooks } from "@sluice/core/Plugin"
import * as Plugin from "@sluice/core/Plugin"
import * as Effect from "effect/Effect"
import { MiB, pattern, streamOf } from "./bytes.ts"

/** One PUT. */
export const small = pattern(1_000)
/** Two parts. */
export const large = pattern(5 * MiB + 1_000)

/** A plugin of these hooks. */
export const hooks = (of: Hooks, name = "test/plugin") => Plugin.make({ name, open: () => Effect.succeed(of) })

export const xor = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 0x5a)
export const trailer = pattern(16, 1)

/** Stands for an encryption: other bytes, and 16 more a part. */
export const sealing: Hooks = {
  part: {
    stage: "encrypt",
    overhead: () => trailer.length,
    transform: ({ bytes }) => Effect.sync(() => Buffer.concat([xor(bytes), trailer]))
  }
}

/** A compression, whose length nobody knows beforehand. */
export const gzipping: Hooks = {
  body: {
    stage: "compress",
    size: "unknown",
    replay: "deterministic",
    transform: async function* (bytes) {
      yield* streamOf(bytes).pipeThrough(new CompressionStream("gzip"))
    }
  }
}
