/**
 * Whoever wraps data keys: a key of one's own here, a key service elsewhere.
 *
 * @module
 */
import { invalidRequest, type UploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { wrappingData } from "./Format.ts"
import { isKeyId } from "./Header.ts"

/** Wraps the data keys of new objects with one key, and unwraps those of old ones. */
export interface Keys {
  /** The key that new objects are wrapped with; its name goes into their metadata. */
  readonly keyId: string
  readonly wrap: (dataKey: Uint8Array<ArrayBuffer>) => Effect.Effect<Uint8Array, UploadError>
  /** Fails with `InvalidRequest` for a key that it does not have. */
  readonly unwrap: (keyId: string, wrapped: Uint8Array) => Effect.Effect<Uint8Array<ArrayBuffer>, UploadError>
}

/** A key of one's own. */
export interface LocalKey {
  /** Letters, digits and `. _ : / -`, 1 to 128 of them. Never used for another key again. */
  readonly id: string
  /** 32 random bytes. Who has them can read every object; who has lost them, none. */
  readonly secret: Uint8Array | Redacted.Redacted<Uint8Array>
}

const nonceSize = 12

const check = ({ id, secret }: LocalKey): UploadError | undefined => {
  if (!isKeyId(id)) return invalidRequest(`the key id "${id}" is not 1 to 128 letters, digits and . _ : / -`)
  const { length } = Redacted.isRedacted(secret) ? Redacted.value(secret) : secret
  return length === 32 ? undefined : invalidRequest(`the key "${id}" has ${length} bytes; it needs 32 random ones`)
}

/**
 * Keys that are there in memory: `current` wraps new objects, `previous` ones still open old objects.
 *
 * Fails with `InvalidRequest` for a key that is not 32 bytes, and for two keys of one id.
 */
export const localKeys = (
  current: LocalKey,
  previous: ReadonlyArray<LocalKey> = []
): Effect.Effect<Keys, UploadError> =>
  Effect.gen(function* () {
    const keys = new Map<string, CryptoKey>()
    for (const key of [current, ...previous]) {
      const wrong = check(key)
      if (wrong !== undefined) return yield* wrong
      if (keys.has(key.id)) return yield* invalidRequest(`there are two keys of the id "${key.id}"; give each its own`)
      const secret = Redacted.isRedacted(key.secret) ? Redacted.value(key.secret) : key.secret
      const usages: ReadonlyArray<KeyUsage> = ["encrypt", "decrypt"]
      // A copy: WebCrypto takes no shared memory.
      const raw = new Uint8Array(secret)
      keys.set(key.id, yield* Effect.promise(() => crypto.subtle.importKey("raw", raw, "AES-GCM", false, usages)))
    }
    const find = (keyId: string): Effect.Effect<CryptoKey, UploadError> => {
      const key = keys.get(keyId)
      return key === undefined
        ? Effect.fail(invalidRequest(`the object is sealed with the key "${keyId}", which was not given`))
        : Effect.succeed(key)
    }
    return {
      keyId: current.id,
      wrap: Effect.fnUntraced(function* (dataKey) {
        const key = yield* find(current.id)
        const iv = crypto.getRandomValues(new Uint8Array(nonceSize))
        const algorithm = { name: "AES-GCM", iv, additionalData: wrappingData(current.id) }
        const sealed = yield* Effect.promise(() => crypto.subtle.encrypt(algorithm, key, dataKey))
        const wrapped = new Uint8Array(nonceSize + sealed.byteLength)
        wrapped.set(iv)
        wrapped.set(new Uint8Array(sealed), nonceSize)
        return wrapped
      }),
      unwrap: Effect.fnUntraced(function* (keyId, wrapped) {
        const key = yield* find(keyId)
        const iv = wrapped.slice(0, nonceSize)
        const algorithm = { name: "AES-GCM", iv, additionalData: wrappingData(keyId) }
        const opened = yield* Effect.tryPromise({
          try: () => crypto.subtle.decrypt(algorithm, key, wrapped.slice(nonceSize)),
          catch: () =>
            invalidRequest(
              `the key "${keyId}" is not the one that this object is sealed with, or its metadata was changed`
            )
        })
        return new Uint8Array(opened)
      })
    }
  })
