import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { crc32OfSlices, encodeCrc32 } from "../Checksum.ts"
import { type Capabilities, profiles } from "../Limits.ts"
import type { ObjectStoreApi, StoredChecksum, WrittenObject } from "../ObjectStore.ts"
import { invalidRequest, type UploadError, uploadError } from "../UploadError.ts"
import { probeOnce, probePrefix, probeStore } from "./probe-store.ts"

/** What a store does otherwise than S3. */
interface Quirks {
  readonly refusesChecksums?: boolean
  readonly refusesFullObject?: boolean
  /** Takes checksums and looks at none. */
  readonly ignoresChecksums?: boolean
  readonly refusesSize?: boolean
  readonly opaqueEtags?: boolean
  readonly ignoresConditions?: boolean
  readonly fails?: { readonly operation: string; readonly error: UploadError }
}

const bad = Effect.fail(uploadError({ _tag: "ChecksumMismatch", message: "BadDigest" }))
const refused = Effect.fail(invalidRequest("Unsupported header"))
const md5 = (...parts: ReadonlyArray<Uint8Array | string>): string => {
  const hash = createHash("md5")
  for (const part of parts) typeof part === "string" ? hash.update(part, "hex") : hash.update(part)
  return hash.digest("hex")
}

/** The least of S3 that a probe asks, with quirks. */
const quirky = (quirks: Quirks = {}) => {
  const uploads = new Map<string, { readonly type: string; part?: Uint8Array }>()
  const objects = new Map<string, { readonly etag: string; readonly checksum: StoredChecksum | undefined }>()
  const keys = new Set<string>()
  let created = 0
  let requests = 0
  const on = <A>(operation: string, key: string, run: () => Effect.Effect<A, UploadError>) =>
    Effect.suspend(() => {
      requests++
      keys.add(key)
      return quirks.fails?.operation === operation ? Effect.fail(quirks.fails.error) : run()
    })
  const etagOf = (md5: string): string => (quirks.opaqueEtags ? `opaque-${md5}`.slice(0, 20) : md5)
  const write = (key: string, etag: string, checksum: StoredChecksum | undefined, ifNoneMatch: string | undefined) => {
    if (ifNoneMatch !== undefined && !quirks.ignoresConditions && objects.has(key)) {
      return Effect.fail(uploadError({ _tag: "PreconditionFailed", message: "it stands" }))
    }
    objects.set(key, { etag, checksum })
    return Effect.succeed<WrittenObject>({ etag, versionId: undefined, encryption: undefined })
  }

  const storeWith = (capabilities: Capabilities): ObjectStoreApi => ({
    bucket: "b",
    capabilities,
    location: (key) => key,
    createMultipartUpload: ({ key, checksum }) =>
      on("Create", key, () => {
        if (checksum !== "none" && quirks.refusesChecksums) return refused
        if (checksum === "FULL_OBJECT" && quirks.refusesFullObject) return refused
        const uploadId = `u${++created}`
        uploads.set(uploadId, { type: checksum })
        return Effect.succeed({ uploadId, encryption: undefined })
      }),
    uploadPart: ({ key, uploadId, body, crc32 }) =>
      on("UploadPart", key, () => {
        const upload = uploads.get(uploadId)
        if (upload === undefined) return Effect.fail(uploadError({ _tag: "NoSuchUpload" }))
        const checked = capabilities.checksum !== "none" && !quirks.ignoresChecksums
        if (checked && crc32OfSlices(body.slices) !== crc32) return bad
        upload.part = Buffer.concat(body.slices)
        return Effect.succeed({ etag: etagOf(md5(upload.part)) })
      }),
    completeMultipartUpload: ({ key, uploadId, ifNoneMatch, crc32, checksum }) =>
      on("Complete", key, () => {
        const { part } = uploads.get(uploadId) ?? {}
        if (part === undefined) return Effect.fail(uploadError({ _tag: "NoSuchUpload" }))
        if (capabilities.objectSizeOnComplete && quirks.refusesSize) return refused
        const value = encodeCrc32(crc32)
        const kept =
          checksum === "none" || quirks.ignoresChecksums
            ? undefined
            : ({
                algorithm: "CRC32",
                type: checksum,
                value: checksum === "COMPOSITE" ? `${value}-1` : value
              } as const)
        return Effect.tap(write(key, etagOf(`${md5(md5(part))}-1`), kept, ifNoneMatch), () =>
          Effect.sync(() => uploads.delete(uploadId))
        )
      }),
    abortMultipartUpload: ({ key, uploadId }) =>
      on("Abort", key, () =>
        uploads.delete(uploadId) ? Effect.void : Effect.fail(uploadError({ _tag: "NoSuchUpload" }))
      ),
    putObject: ({ key, body, ifNoneMatch }) =>
      on("PutObject", key, () => write(key, etagOf(md5(...body.slices)), undefined, ifNoneMatch)),
    headObject: ({ key }) =>
      on("HeadObject", key, () => {
        const object = objects.get(key)
        return object === undefined
          ? Effect.fail(uploadError({ _tag: "NoSuchKey" }))
          : Effect.succeed({
              key,
              size: 1,
              versionId: undefined,
              lastModified: undefined,
              crc32: undefined,
              serverSideEncryption: undefined,
              ...object
            })
      }),
    deleteObject: ({ key }) => on("Delete", key, () => Effect.sync(() => void objects.delete(key))),
    listParts: () => Effect.die("not asked"),
    listMultipartUploads: () => Effect.die("not asked"),
    getObject: () => Effect.die("not asked"),
    headBucket: () => Effect.die("not asked")
  })
  return {
    probe: probeStore(profiles.generic, storeWith),
    requests: () => requests,
    assertNothingLeft: () => {
      assert.deepStrictEqual([...uploads.keys(), ...objects.keys()], [])
      assert.isTrue([...keys].every((key) => key.startsWith(probePrefix)))
    }
  }
}

const { generic } = profiles

describe("a store that is asked what it can do", () => {
  it.effect.each<readonly [string, Quirks, Partial<Capabilities>]>([
    ["does all that S3 does", {}, {}],
    ["takes no checksum headers", { refusesChecksums: true }, { checksum: "none" }],
    ["takes composite checksums only", { refusesFullObject: true }, { checksum: "composite" }],
    ["takes checksums and looks at none", { ignoresChecksums: true }, { checksum: "none" }],
    ["refuses the size with Complete", { refusesSize: true }, { objectSizeOnComplete: false }],
    ["has ETags of its own", { opaqueEtags: true }, { etag: "opaque" }],
    ["ignores conditions", { ignoresConditions: true }, { conditionalWrites: false }],
    [
      "does the least",
      { refusesChecksums: true, refusesSize: true, opaqueEtags: true, ignoresConditions: true },
      { checksum: "none", objectSizeOnComplete: false, etag: "opaque", conditionalWrites: false }
    ]
  ])("%s: that is found out, and nothing is left", ([, quirks, expected]) =>
    Effect.gen(function* () {
      const store = quirky(quirks)
      assert.deepStrictEqual(yield* store.probe, { ...generic, ...expected })
      store.assertNothingLeft()
    })
  )

  it.effect.each(["Create", "UploadPart", "Complete", "HeadObject", "PutObject"])(
    "and denies %s fails as it says, with nothing left",
    (operation) =>
      Effect.gen(function* () {
        const error = uploadError({ _tag: "AccessDenied", message: "no" })
        const store = quirky({ fails: { operation, error } })
        assert.strictEqual((yield* Effect.flip(store.probe)).reason._tag, "AccessDenied")
        store.assertNothingLeft()
      })
  )
})

describe("what is known of a store", () => {
  it.effect("is asked once, however many ask at the same time; a failure is asked again", () =>
    Effect.gen(function* () {
      let asked = 0
      const answer = yield* Deferred.make<Capabilities, UploadError>()
      const probe = Effect.suspend(() => {
        asked++
        return asked === 1 ? Effect.fail(invalidRequest("not now")) : Deferred.await(answer)
      })
      const name = "a store of this test"
      yield* Effect.flip(probeOnce(name, probe))
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(probeOnce(name, probe)))
      yield* Deferred.succeed(answer, generic)
      for (const fiber of fibers) assert.strictEqual(yield* Fiber.join(fiber), generic)
      assert.strictEqual(asked, 2)
    })
  )
})
