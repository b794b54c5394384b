/**
 * Encryption before the bytes leave: the store, and whoever reads it, sees sealed parts only.
 *
 * @module
 */
import * as Plugin from "@sluice/core/Plugin"
import { invalidRequest, type UploadError } from "@sluice/core/UploadError"
import type { UploadPlan } from "@sluice/core/UploadPlan"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type DataKey, makeDataKey } from "./DataKey.ts"
import { overhead, type SealedLayout, saltSize, sealedParts } from "./Format.ts"
import { decodeHeader, encodeHeader, type Header, headerName } from "./Header.ts"
import { type Keys, type LocalKey, localKeys } from "./Keys.ts"
import { notSealed, openSealed } from "./open-sealed.ts"
import { sealPart } from "./seal-part.ts"

export { type Keys, type LocalKey, localKeys } from "./Keys.ts"

const name = "sluice/encryption/client-side"

/** A header as the journal keeps it: the data key in it is wrapped. */
const State = Schema.Struct({ header: Schema.String })

export interface ClientSideOptions {
  /** Wraps the data keys of new objects. */
  readonly key: LocalKey
  /** Keys of earlier objects, still to be read. */
  readonly previousKeys?: ReadonlyArray<LocalKey> | undefined
}

const same = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.reduce((difference, byte, i) => difference | (byte ^ (b[i] ?? 0)), 0) === 0

/** The data key that a header wraps, which must be the one that it commits to. */
const unwrap = Effect.fnUntraced(function* (keys: Keys, { keyId, wrapped, commitment }: Header) {
  const bytes = yield* keys.unwrap(keyId, wrapped)
  const dataKey = yield* Effect.promise(() => makeDataKey(bytes)).pipe(
    Effect.ensuring(Effect.sync(() => bytes.fill(0)))
  )
  if (!same(dataKey.commitment, commitment)) return yield* notSealed("the object's key")
  return dataKey
})

const damaged = invalidRequest(`the object's metadata "${headerName}" is none that this version of Sluice writes`)

const layoutOf = ({ layout, mode }: UploadPlan): SealedLayout => (mode === "single" ? { _tag: "One" } : layout)

/** A new object's key: its header for the metadata, and the key itself. */
const newKey = Effect.fnUntraced(function* (keys: Keys, layout: SealedLayout) {
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  return yield* Effect.gen(function* () {
    const dataKey = yield* Effect.promise(() => makeDataKey(bytes))
    const { commitment } = dataKey
    const header: Header = { keyId: keys.keyId, wrapped: yield* keys.wrap(bytes), commitment, layout }
    return { dataKey, header: encodeHeader(header) }
  }).pipe(Effect.ensuring(Effect.sync(() => bytes.fill(0))))
})

/**
 * Seals every part with AES-256-GCM under a key of the object's own, which `keys` wrap; and opens sealed objects for
 * downloads and copies, whole or in ranges. For keys that are not in memory (a key service), give `Keys` of your own.
 */
export const clientSideWith = (keys: Effect.Effect<Keys, UploadError>): Plugin.Plugin =>
  Plugin.make({
    name,
    state: State,
    open: Effect.fnUntraced(function* (upload) {
      const owner = yield* keys
      let dataKey: DataKey | undefined
      if (upload.saved !== undefined) {
        const header = decodeHeader(upload.saved.header)
        if (header === undefined) return yield* damaged
        dataKey = yield* unwrap(owner, header)
      }
      return {
        plan: Effect.fnUntraced(function* (plan) {
          const made = yield* newKey(owner, layoutOf(plan))
          dataKey = made.dataKey
          yield* upload.save({ header: made.header })
          const metadata = { ...plan.attributes.metadata, [headerName]: made.header }
          return { ...plan, attributes: { ...plan.attributes, metadata } }
        }),
        part: {
          stage: "encrypt" as const,
          overhead,
          transform: (part: Plugin.PartBytes) =>
            Effect.suspend(() => {
              const key = dataKey
              if (key === undefined) return Effect.fail(invalidRequest("the upload was planned without this plugin"))
              // A new one each time, also for a part that a resume seals again: no nonce meets one key twice.
              const salt = crypto.getRandomValues(new Uint8Array(saltSize))
              return Effect.promise(() => sealPart(key, salt, part))
            })
        }
      }
    }),
    read: {
      stage: "encrypt",
      open: Effect.fnUntraced(function* ({ head }, below) {
        const text = head.metadata?.[headerName]
        if (text === undefined) return undefined
        const header = decodeHeader(text)
        if (header === undefined) return yield* damaged
        const dataKey = yield* unwrap(yield* keys, header)
        const parts = below.size === undefined ? undefined : sealedParts(header.layout, below.size)
        if (parts === undefined) return yield* notSealed("the object's length")
        return openSealed(dataKey, parts, below)
      })
    }
  })

/**
 * Client-side encryption with keys of one's own.
 *
 * ```ts
 * import { createSluice, s3 } from "@sluice/core/promise"
 * import { clientSide } from "@sluice/plugins/encryption/client-side"
 *
 * const secret = crypto.getRandomValues(new Uint8Array(32)) // from where you keep secrets
 * const plugins = [clientSide({ key: { id: "2026-11", secret } })]
 * const sluice = createSluice({ store: s3({ bucket: "media" }), plugins })
 * ```
 *
 * Uploads and downloads fail with `InvalidRequest` for a key that is not 32 bytes, or that an object needs and nobody gave;
 * downloads with `ChecksumMismatch` where the stored bytes are not those that were sealed.
 */
export const clientSide = ({ key, previousKeys }: ClientSideOptions): Plugin.Plugin =>
  clientSideWith(localKeys(key, previousKeys))
