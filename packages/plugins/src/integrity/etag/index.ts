/**
 * The MD5 of every part, taken from the bytes that were sent, against the ETag that the store answers with.
 *
 * @module
 */
import * as Digest from "@sluice/core/Digest"
import * as Plugin from "@sluice/core/Plugin"
import { invalidRequest, type UploadError, uploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"

/** Only unencrypted and SSE-S3 objects have an MD5 as ETag (S3 API Reference, "Object", ETag). */
const keepsMd5 = (encryption: string | undefined): boolean =>
  encryption === undefined || encryption === "AES256" || encryption === "SSE-S3"

const noMd5 = (why: string): UploadError =>
  invalidRequest(`integrity/etag compares MD5s, but ${why}; remove the plugin, CRC32 is checked without it`)

/**
 * Shows by MD5 that the store has the bytes that were sent: part by part, and with the ETag of the whole, which the
 * engine computes from those of the parts.
 *
 * The digests are taken in worker threads, beside the sending. A part that differs is sent again, three times at most,
 * then the upload fails with `ChecksumMismatch` and nothing is left. Where the store answers with no checksum of its
 * own, this gives the upload the proof `source`.
 *
 * Fails with `InvalidRequest` where ETags are no MD5: by the store's profile, or because it encrypts with keys of KMS
 * or of the customer.
 *
 * ```ts
 * import { createSluice, s3 } from "@sluice/core/promise"
 * import { etag } from "@sluice/plugins/integrity/etag"
 *
 * const sluice = createSluice({ store: s3({ bucket: "media" }), plugins: [etag()] })
 * ```
 */
export const etag = (): Plugin.Plugin =>
  Plugin.make({
    name: "sluice/integrity/etag",
    open: ({ capabilities }) =>
      capabilities.etag !== "md5"
        ? Effect.fail(noMd5(`the ETags of this store (${capabilities.provider}) are none`))
        : Effect.succeed({
            plan: (plan) => {
              const mode = plan.attributes.encryption?.mode
              return keepsMd5(mode) ? Effect.succeed(plan) : Effect.fail(noMd5(`the ETag of a ${mode} object is none`))
            },
            send: Effect.fnUntraced(function* (part, next) {
              const [md5, stored] = yield* Effect.all([Digest.md5(part.body.slices), next(part)], { concurrency: 2 })
              if (stored.etag.toLowerCase() === md5) return { ...stored, confirmed: true }
              // The bucket's own default encryption shows itself only now.
              if (!keepsMd5(stored.encryption)) {
                return yield* noMd5(`the store encrypts with ${stored.encryption}, whose ETags are none`)
              }
              return yield* uploadError(
                {
                  _tag: "ChecksumMismatch",
                  message: `the store has ETag ${stored.etag}, the MD5 of what was sent is ${md5}; the part is sent again`
                },
                { partNumber: part.partNumber, retry: "temporary" }
              )
            })
          })
  })
