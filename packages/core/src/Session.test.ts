import { describe, expect, it } from "@effect/vitest"
import { exampleSession } from "@sluice/testkit/conformance/journal"
import * as Effect from "effect/Effect"
import fc from "fast-check"
import type { PartReceipt } from "./Part.ts"
import {
  decodeReceipts,
  decodeSession,
  encodeReceipt,
  encodeSession,
  maxSessionBytes,
  type Session,
  type SessionNews,
  type SessionState
} from "./Session.ts"
import type { Proof } from "./StoredObject.ts"
import type { Reason } from "./UploadError.ts"

const text = fc.string({ unit: "binary", maxLength: 20 })
const natural = fc.maxSafeNat()
const maybe = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })
const crc32 = fc.nat(0xffffffff)

/** JSON has no -0. */
const json = fc.jsonValue({ maxDepth: 3, stringUnit: "binary" }).map((value) => JSON.parse(JSON.stringify(value)))

const reason: fc.Arbitrary<Reason> = fc.oneof(
  fc.record({ _tag: fc.constant("SourceChanged" as const), message: text }),
  fc.record({ _tag: fc.constant("NoSuchBucket" as const) }),
  fc.record({ _tag: fc.constant("MissingParts" as const), partNumbers: fc.array(fc.nat(10_000)) }),
  fc.record({ _tag: fc.constant("PluginFailed" as const), plugin: text, hook: text, cause: text }),
  fc.record({ _tag: fc.constant("UnknownStoreError" as const), code: text, status: fc.nat(599), message: text })
)

const news: fc.Arbitrary<SessionNews> = fc.oneof(
  fc.record({
    _tag: fc.constant("Completed" as const),
    object: fc.record({
      bucket: text,
      key: text,
      uri: text,
      location: text,
      size: natural,
      etag: text,
      versionId: maybe(text),
      crc32,
      proof: fc.constantFrom<Proof>("source", "transport"),
      parts: natural
    })
  }),
  fc.record({ _tag: fc.constant("Failed" as const), reason })
)

const session: fc.Arbitrary<Session> = fc.record({
  format: fc.constant<1>(1),
  sessionId: text,
  version: natural,
  state: fc.constantFrom<SessionState>("created", "uploading", "completing", "completed", "failed", "cancelled"),
  bucket: text,
  key: text,
  mode: fc.constantFrom<Session["mode"]>("single", "multipart", "either"),
  uploadId: maybe(text),
  writeToken: maybe(text),
  size: maybe(natural),
  layout: fc.oneof(
    fc.record({ _tag: fc.constant("Uniform" as const), partSize: natural }),
    fc.record({ _tag: fc.constant("Doubling" as const), partSize: natural, every: natural, maxPartSize: natural })
  ),
  attributes: fc.record(
    {
      contentType: maybe(text),
      cacheControl: maybe(text),
      contentDisposition: maybe(text),
      contentEncoding: maybe(text),
      contentLanguage: maybe(text),
      metadata: maybe(fc.dictionary(text, text, { maxKeys: 5 })),
      tags: maybe(fc.dictionary(text, text, { maxKeys: 5 })),
      storageClass: maybe(text),
      encryption: maybe(fc.constant({ mode: "SSE-S3" as const }))
    },
    { requiredKeys: [] }
  ),
  condition: fc.record({ ifNoneMatch: maybe(fc.constant("*" as const)), ifMatch: maybe(text) }, { requiredKeys: [] }),
  checksum: fc.constantFrom<Session["checksum"]>("FULL_OBJECT", "COMPOSITE", "none"),
  resumable: fc.boolean(),
  source: maybe(
    fc.record(
      {
        name: maybe(text),
        modifiedMs: maybe(fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0)),
        inode: maybe(text),
        size: maybe(natural),
        headSha256: maybe(text),
        tailSha256: maybe(text)
      },
      { requiredKeys: [] }
    )
  ),
  maxSize: maybe(natural),
  suspects: fc.array(text, { maxLength: 3 }),
  plugins: fc.array(text, { maxLength: 3 }),
  pluginState: fc.dictionary(text, json, { maxKeys: 5 }),
  undelivered: fc.array(text, { maxLength: 3 }),
  news: maybe(news),
  createdAt: natural,
  updatedAt: natural
})

const receipt: fc.Arbitrary<PartReceipt> = fc.record({
  partNumber: fc.integer({ min: 1, max: 10_000 }),
  source: fc.record({ offset: natural, size: natural, crc32 }),
  stored: fc.record({ size: natural, crc32, etag: text, confirmed: fc.boolean() })
})

const one = exampleSession({ state: "uploading" })

const failure = (text: string) => Effect.flip(decodeSession(text))

describe("the record of a session", () => {
  it.effect("reads back as it was written, whatever the plugins saved and however keys are spelt", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(session, async (written) => {
          const read = await Effect.runPromise(Effect.flatMap(encodeSession(written), decodeSession))
          expect(read).toEqual(written)
          // Fields that may be undefined are there all the same.
          const fields = (of: Session) => Object.keys(of).filter((field) => field !== "news")
          expect(fields(read).sort()).toEqual(fields(written).sort())
        }),
        { numRuns: 300 }
      )
    )
  )

  it.effect("keeps receipts as they were", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.array(receipt, { maxLength: 5 }), async (written) => {
          expect(await Effect.runPromise(decodeReceipts(written.map(encodeReceipt)))).toEqual(written)
        })
      )
    )
  )

  it.effect("of a newer format says that a newer version must continue [row 59]", () =>
    Effect.gen(function* () {
      const error = yield* failure(JSON.stringify({ ...one, format: 2, layout: "spiral" }))
      expect(error).toMatchObject({ reason: { _tag: "JournalFailed" }, retry: "permanent" })
      expect(error.message).toContain("continue the upload with that version")
    })
  )

  it.effect("that is damaged is an error which names the place and tells no secret", () =>
    Effect.gen(function* () {
      const whole = JSON.stringify(one)
      for (let length = 0; length < whole.length; length++) {
        const error = yield* failure(whole.slice(0, length))
        expect(error.reason._tag).toBe("JournalFailed")
        expect(error.message).not.toContain("not to be told")
      }
      const wrong = yield* failure(JSON.stringify({ ...one, writeToken: ["not to be told"] }))
      expect(wrong.message).toContain("writeToken")
      expect(JSON.stringify(wrong)).not.toContain("not to be told")
      for (const other of [null, 7, [], { format: "1" }]) {
        expect((yield* failure(JSON.stringify(other))).reason._tag).toBe("JournalFailed")
      }
    })
  )

  it.effect("is refused above 16 KiB, naming the plugin that saved too much", () =>
    Effect.gen(function* () {
      const big = { ...one, pluginState: { small: 1, "acme/notes": "ä".repeat(maxSessionBytes / 2) } }
      const error = yield* Effect.flip(encodeSession(big))
      expect(error.reason._tag).toBe("InvalidRequest")
      expect(error.message).toContain('plugin "acme/notes" saved 16386')
      const wide = yield* Effect.flip(encodeSession({ ...one, attributes: { cacheControl: "x".repeat(20_000) } }))
      expect(wide.message).toContain('"attributes" alone')
    })
  )
})
