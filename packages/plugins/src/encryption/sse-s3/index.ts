/**
 * Encryption by the store with its own keys (SSE-S3, AES256).
 *
 * @module
 */
import * as Plugin from "@sluice/core/Plugin"
import * as Effect from "effect/Effect"

/**
 * Asks the store to encrypt every object with its own keys.
 *
 * The engine compares the store's answer: one that ignores the request fails the upload with
 * `EncryptionNotApplied` before any byte of the object leaves.
 *
 * ```ts
 * import { createSluice, s3 } from "@sluice/core/promise"
 * import { sseS3 } from "@sluice/plugins/encryption/sse-s3"
 *
 * const sluice = createSluice({ store: s3({ bucket: "media" }), plugins: [sseS3()] })
 * ```
 */
export const sseS3 = (): Plugin.Plugin =>
  Plugin.make({
    name: "sluice/encryption/sse-s3",
    open: () =>
      Effect.succeed({
        plan: (plan) => Effect.succeed({ ...plan, attributes: { ...plan.attributes, encryption: { mode: "SSE-S3" } } })
      })
  })
