import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { type Capabilities, profiles } from "@sluice/core/Limits"
import type { StoredPart } from "@sluice/core/ObjectStore"
import type { UploadContext } from "@sluice/core/Plugin"
import type { UploadPlan } from "@sluice/core/UploadPlan"
import * as Effect from "effect/Effect"
import { etag } from "./index.ts"

const context = (capabilities: Capabilities): UploadContext => ({
  sessionId: "s1",
  bucket: "media",
  key: "a.txt",
  source: { size: 3, name: undefined, contentType: undefined, replayable: true, identity: undefined },
  capabilities,
  annotations: {},
  resumed: false,
  saved: undefined,
  save: () => Effect.void,
  exists: () => Effect.succeed(false),
  stored: () => Effect.never
})

const plan: UploadPlan = {
  key: "a.txt",
  mode: "multipart",
  size: 3,
  layout: { _tag: "Uniform", partSize: 8 * 2 ** 20 },
  attributes: {},
  condition: {},
  checksum: "FULL_OBJECT",
  resumable: true
}

const hooks = (capabilities = profiles.aws) => Effect.scoped(etag().open(context(capabilities)))

const bytes = new TextEncoder().encode("stored bytes")
const md5 = createHash("md5").update(bytes).digest("hex")

/** What becomes of a part that the store answers with `stored`. */
const sent = Effect.fnUntraced(function* (stored: StoredPart) {
  const { send } = yield* hooks()
  if (send === undefined) return yield* Effect.die("no send hook")
  const part = {
    partNumber: 2,
    attempt: 1,
    body: { slices: [bytes.subarray(0, 5), bytes.subarray(5)], size: 12 },
    crc32: 0
  }
  return yield* send(part, () => Effect.succeed(stored))
})

describe("a part", () => {
  it.effect("whose ETag is the MD5 of what was sent is confirmed", () =>
    Effect.gen(function* () {
      for (const encryption of [undefined, "AES256"]) {
        assert.deepStrictEqual(yield* sent({ etag: md5, encryption }), { etag: md5, encryption, confirmed: true })
      }
      assert.isTrue((yield* sent({ etag: md5.toUpperCase() })).confirmed)
    })
  )

  it.effect("with another ETag is sent again", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(sent({ etag: "0".repeat(32) }))
      assert.deepInclude(error, { retry: "temporary", partNumber: 2 })
      assert.strictEqual(error.reason._tag, "ChecksumMismatch")
    })
  )

  it.effect("of a bucket that encrypts with KMS fails the upload, naming why", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(sent({ etag: "0".repeat(32), encryption: "aws:kms" }))
      assert.deepInclude(error, { retry: "permanent" })
      assert.match(error.message, /^InvalidRequest: .*aws:kms/)
    })
  )
})

describe("where ETags are no MD5", () => {
  it.effect("the plugin is refused when it is opened", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(hooks(profiles.gcs))
      assert.match(error.message, /^InvalidRequest: .*gcs/)
    })
  )

  it.effect("every other plan stays as it is", () =>
    Effect.gen(function* () {
      const before: UploadPlan = { ...plan, attributes: { encryption: { mode: "SSE-S3" } } }
      const { plan: hook } = yield* hooks()
      assert.strictEqual(yield* hook?.(before) ?? Effect.die("no plan hook"), before)
    })
  )
})
