import assert from "node:assert/strict"
import type { ObjectStoreApi, PartBody } from "@sluice/core/ObjectStore"
import { isUploadError, type ReasonTag, type UploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** A store to be held to what the engine expects of an `ObjectStoreApi`. */
export interface StoreUnderTest {
  /** Where an S3 answers, over plain http. */
  readonly endpoint: string
  /**
   * The store under test, with whatever stands at an endpoint: the real S3, or a loopback server of the suite's that
   * stands before it or answers in its place. Always the same bucket, which exists, path-style addresses, and one attempt
   * a call. The scope closes its connections.
   */
  readonly open: (endpoint: string) => Effect.Effect<ObjectStoreApi, UploadError, Scope.Scope>
  /**
   * Whether the store sees its sockets (default), so that it can count accepted bytes as they leave, open a fresh
   * connection for a second attempt, and close idle ones at its end. Over `fetch` it mostly cannot.
   */
  readonly seesSockets?: boolean | undefined
  /**
   * Whether an answer that comes before the body was sent is heard (default), although the store then closes the
   * connection. Deno tells of the broken pipe instead, so that such a refusal looks like trouble that passes.
   */
  readonly hearsEarlyAnswers?: boolean | undefined
  /**
   * Whether the suite may listen on loopback (default), to stand before the S3 or answer in its place. Where it may not, as
   * in a worker, only what the S3 itself answers is looked at.
   */
  readonly mayListen?: boolean | undefined
}

/** One promise, given the store behind the real endpoint. */
export type StoreCheck = (store: ObjectStoreApi, under: StoreUnderTest) => Effect.Effect<void, UploadError, Scope.Scope>

export const MiB = 1024 * 1024

/** A key of its own for each case. */
export const freshKey = (name = "object"): string => `conformance/${crypto.randomUUID()}/${name}`

/** Random ones, 64 KiB at a time: Web Crypto gives no more at once. */
export const bytesOf = (size: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536))
  return bytes
}

/** A body of uneven slices: they go one after the other, and are not put together. */
export const bodyOf = (bytes: Uint8Array, onAccepted?: (bytes: number) => void): PartBody => {
  const cuts = [0, Math.min(1, bytes.length), Math.min(70_001, bytes.length), bytes.length]
  const slices = cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end))
  return { slices: slices.filter(({ length }) => length > 0), size: bytes.length, onAccepted }
}

/** The reason with which a call fails; a success breaks the promise. */
export const failureOf = <A>(effect: Effect.Effect<A, UploadError>): Effect.Effect<UploadError> =>
  Effect.map(Effect.result(effect), (outcome) => {
    if (outcome._tag === "Success") assert.fail("it should have failed")
    assert.ok(isUploadError(outcome.failure))
    return outcome.failure
  })

export const reasonOf = <A>(effect: Effect.Effect<A, UploadError>): Effect.Effect<ReasonTag> =>
  Effect.map(failureOf(effect), ({ reason }) => reason._tag)

export const read = (body: ReadableStream<Uint8Array>): Effect.Effect<Buffer> =>
  Effect.promise(async () => {
    const chunks: Array<Uint8Array> = []
    for await (const chunk of body) chunks.push(chunk)
    return Buffer.concat(chunks)
  })

export const sameBytes = (actual: Uint8Array, expected: Uint8Array): void =>
  assert.ok(Buffer.compare(actual, expected) === 0, `${actual.length} bytes are not the ${expected.length} expected`)

/** The type of CRC32 that the store's profile asks for. */
export const checksumOf = ({ capabilities }: ObjectStoreApi): "FULL_OBJECT" | "COMPOSITE" | "none" =>
  capabilities.checksum === "full-object" ? "FULL_OBJECT" : capabilities.checksum === "composite" ? "COMPOSITE" : "none"
