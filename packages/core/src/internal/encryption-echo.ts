import * as Effect from "effect/Effect"
import type { ObjectStoreApi } from "../ObjectStore.ts"
import { type UploadError, uploadError } from "../UploadError.ts"
import { attempting, contextOf, type SessionRun } from "./upload-run.ts"

/** What the store must echo for a mode (`x-amz-server-side-encryption`). */
const echoOf = { "SSE-S3": "AES256" } as const

/** Stores that have echoed a mode in this process: from then on a single PUT may ask for it. */
const echoed = new WeakMap<ObjectStoreApi, Set<string>>()

/** Whether this store has shown in this process that it applies the encryption. */
export const hasEchoed = (store: ObjectStoreApi, mode: string): boolean => echoed.get(store)?.has(mode) ?? false

/** Fails with `EncryptionNotApplied` unless the store's answer echoes what was asked for: silence is a refusal. `stored`: the bytes went with the question. */
export const checkEncryption = (
  run: SessionRun,
  answered: string | undefined,
  stored = false
): Effect.Effect<void, UploadError> => {
  const mode = run.session().attributes.encryption?.mode
  if (mode === undefined) return Effect.void
  if (answered !== echoOf[mode]) {
    return Effect.fail(
      uploadError(
        { _tag: "EncryptionNotApplied", requested: echoOf[mode], answered: answered ?? "nothing", stored },
        contextOf(run)
      )
    )
  }
  return Effect.sync(() => {
    const modes = echoed.get(run.store) ?? new Set()
    echoed.set(run.store, modes.add(mode))
  })
}

/**
 * The same for a multipart upload, before a byte of it leaves. A store that does not echo on Create (MinIO)
 * is asked with an empty part 1, which the real one replaces.
 */
export const checkCreatedEncryption = (
  run: SessionRun,
  uploadId: string,
  answered: string | undefined
): Effect.Effect<void, UploadError> => {
  const { attributes, key } = run.session()
  if (attributes.encryption === undefined || answered !== undefined) return checkEncryption(run, answered)
  return attempting(run, { operation: "UploadPart", partNumber: 1 }, (attempt, touch) =>
    run.store.uploadPart({
      key,
      uploadId,
      partNumber: 1,
      body: { slices: [], size: 0 },
      crc32: 0,
      attempt,
      onActivity: touch
    })
  ).pipe(Effect.flatMap(({ encryption }) => checkEncryption(run, encryption)))
}
