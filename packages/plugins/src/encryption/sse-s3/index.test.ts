import { assert, it } from "@effect/vitest"
import { profiles } from "@sluice/core/Limits"
import type { UploadContext } from "@sluice/core/Plugin"
import type { UploadPlan } from "@sluice/core/UploadPlan"
import * as Effect from "effect/Effect"
import { sseS3 } from "./index.ts"

const upload: UploadContext = {
  sessionId: "s1",
  bucket: "media",
  key: "a.txt",
  source: { size: 3, name: undefined, contentType: undefined, replayable: true, identity: undefined },
  capabilities: profiles.aws,
  annotations: {},
  resumed: false,
  saved: undefined,
  save: () => Effect.void,
  exists: () => Effect.succeed(false),
  stored: () => Effect.never
}

const plan: UploadPlan = {
  key: "a.txt",
  mode: "single",
  size: 3,
  layout: { _tag: "Uniform", partSize: 8 * 2 ** 20 },
  attributes: { contentType: "text/plain", metadata: { kept: "yes" } },
  condition: { ifNoneMatch: "*" },
  checksum: "FULL_OBJECT",
  resumable: true
}

it.effect("asks for AES256 by the store and leaves the rest of the plan alone", () =>
  Effect.gen(function* () {
    const hooks = yield* Effect.scoped(sseS3().open(upload))
    assert.deepStrictEqual(Object.keys(hooks), ["plan"])
    const after = yield* hooks.plan?.(plan) ?? Effect.succeed(plan)
    assert.deepStrictEqual(after, {
      ...plan,
      attributes: { ...plan.attributes, encryption: { mode: "SSE-S3" } }
    })
  })
)
