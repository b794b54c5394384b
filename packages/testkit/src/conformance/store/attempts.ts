/** What one attempt leaves: no socket, no request, no hold on the caller's bytes. */
import assert from "node:assert/strict"
import { crc32 } from "@sluice/core/Checksum"
import type { PartBody } from "@sluice/core/ObjectStore"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { gateTo, until } from "./loopback.ts"
import { bodyOf, bytesOf, freshKey, MiB, read, type StoreCheck, sameBytes } from "./StoreUnderTest.ts"
import { putBytes, sendParts } from "./upload-parts.ts"

/** An upload without parts, and the store behind a gate. */
const gated = Effect.fnUntraced(function* (store: Parameters<StoreCheck>[0], under: Parameters<StoreCheck>[1]) {
  const upload = yield* sendParts(store, freshKey(), [])
  const gate = yield* gateTo(under.endpoint)
  return { gate, upload, behind: yield* under.open(gate.endpoint) }
})

/** Bytes as a body that is read while it is sent; says whether its end was asked for. */
const streamed = (bytes: Uint8Array) => {
  const seen = { returned: 0, opened: 0 }
  const body: PartBody = {
    slices: [],
    size: bytes.length,
    open: () => {
      seen.opened++
      async function* chunks() {
        try {
          for (let at = 0; at < bytes.length; at += 65_536) yield bytes.slice(at, at + 65_536)
        } finally {
          seen.returned++
        }
      }
      return chunks()
    }
  }
  return { seen, body }
}

export const attempts: Readonly<Record<string, StoreCheck>> = {
  "accepted bytes add up to the body, never to more; every sign of life is told": Effect.fnUntraced(
    function* (store, under) {
      const { behind, upload } = yield* gated(store, under)
      const bytes = bytesOf(6 * MiB)
      const accepted: Array<number> = []
      let alive = 0
      const onActivity = (): void => {
        alive++
      }
      const body = bodyOf(bytes, (count) => accepted.push(count))
      yield* behind.uploadPart({ ...upload, partNumber: 1, body, crc32: crc32(bytes), attempt: 1, onActivity })
      assert.ok(accepted.every((count) => count > 0))
      assert.equal(
        accepted.reduce((sum, count) => sum + count, 0),
        bytes.length
      )
      assert.ok(alive > 0)
      if (under.seesSockets !== false) assert.ok(accepted.length > 4, "accepted bytes are told as they leave")
      yield* store.abortMultipartUpload(upload)
    }
  ),

  "a part that is interrupted while it is sent ends its connection, and is never stored": Effect.fnUntraced(
    function* (store, under) {
      const { gate, behind, upload } = yield* gated(store, under)
      const bytes = bytesOf(16 * MiB)
      const original = bytes.slice()
      gate.stopReadingAfter(MiB)
      const part = { ...upload, partNumber: 1, body: bodyOf(bytes), crc32: crc32(bytes), attempt: 1 }
      const fiber = yield* Effect.forkChild(behind.uploadPart(part))
      yield* until("a MiB has arrived", () => gate.arrived() >= MiB)
      yield* Fiber.interrupt(fiber)
      // From now on the memory is somebody else's.
      bytes.fill(0xdb)
      gate.goOn()
      yield* until("the connection is closed", () => gate.open() === 0)
      const received = gate.received()
      const body = received.subarray(received.indexOf("\r\n\r\n") + 4)
      assert.ok(body.length < bytes.length)
      sameBytes(body, original.subarray(0, body.length))
      assert.deepEqual((yield* store.listParts(upload)).parts, [])
      yield* store.abortMultipartUpload(upload)
    }
  ),

  "a call that is interrupted while it waits for the answer ends its connection": Effect.fnUntraced(
    function* (store, under) {
      const { gate, behind, upload } = yield* gated(store, under)
      const bytes = bytesOf(1_000)
      const part = { ...upload, partNumber: 1, body: bodyOf(bytes), crc32: crc32(bytes), attempt: 1 }
      for (const call of [behind.uploadPart(part), behind.listParts(upload), behind.headBucket()]) {
        const before = gate.arrived()
        gate.stopAnswering()
        const fiber = yield* Effect.forkChild(call)
        yield* until("the request has arrived", () => gate.arrived() > before)
        yield* Fiber.interrupt(fiber)
        yield* until("the connection is closed", () => gate.open() === 0)
        gate.goOn()
      }
      yield* store.abortMultipartUpload(upload)
    }
  ),

  "a connection that dies is Unavailable or Stalled, and may be tried again": Effect.fnUntraced(
    function* (store, under) {
      const upload = yield* sendParts(store, freshKey(), [])
      const bytes = bytesOf(16 * MiB)
      const outcome = yield* Effect.scoped(
        Effect.gen(function* () {
          const gate = yield* gateTo(under.endpoint)
          const behind = yield* under.open(gate.endpoint)
          gate.stopReadingAfter(MiB)
          const part = { ...upload, partNumber: 1, body: bodyOf(bytes), crc32: crc32(bytes), attempt: 1 }
          const fiber = yield* Effect.forkDetach(Effect.result(behind.uploadPart(part)))
          yield* until("a MiB has arrived", () => gate.arrived() >= MiB)
          gate.breakAll()
          return yield* Fiber.join(fiber)
        })
      )
      assert.ok(outcome._tag === "Failure")
      assert.match(outcome.failure.reason._tag, /^(Unavailable|Stalled)$/)
      assert.equal(outcome.failure.retry, "temporary")
      yield* store.abortMultipartUpload(upload)
    }
  ),

  "a second attempt has a connection of its own": Effect.fnUntraced(function* (store, under) {
    if (under.seesSockets === false) return
    const { gate, behind, upload } = yield* gated(store, under)
    const bytes = bytesOf(1_000)
    const part = { ...upload, partNumber: 1, body: bodyOf(bytes), crc32: crc32(bytes) }
    yield* behind.uploadPart({ ...part, attempt: 1 })
    const opened = gate.opened()
    yield* behind.uploadPart({ ...part, attempt: 2 })
    assert.equal(gate.opened(), opened + 1)
    yield* store.abortMultipartUpload(upload)
  }),

  "a body that is read while it is sent arrives whole, and is told of its end": Effect.fnUntraced(
    function* (store, under) {
      const { gate, behind, upload } = yield* gated(store, under)
      const bytes = bytesOf(6 * MiB)
      const whole = streamed(bytes)
      const part = { ...upload, partNumber: 1, crc32: crc32(bytes), attempt: 1 }
      const { etag } = yield* behind.uploadPart({ ...part, body: whole.body })
      assert.deepEqual(whole.seen, { opened: 1, returned: 1 })
      assert.equal((yield* store.listParts(upload)).parts[0]?.etag, etag)

      const cut = streamed(bytesOf(16 * MiB))
      const before = gate.arrived()
      gate.stopReadingAfter(MiB)
      const fiber = yield* Effect.forkChild(behind.uploadPart({ ...part, partNumber: 2, body: cut.body }))
      yield* until("a MiB has arrived", () => gate.arrived() >= before + MiB)
      yield* Fiber.interrupt(fiber)
      assert.deepEqual(cut.seen, { opened: 1, returned: 1 })
      yield* store.abortMultipartUpload(upload)
    }
  ),

  "a download that is cancelled frees its connection": Effect.fnUntraced(function* (store, under) {
    const key = freshKey()
    yield* putBytes(store, key, bytesOf(16 * MiB))
    const gate = yield* gateTo(under.endpoint)
    yield* Effect.scoped(
      Effect.gen(function* () {
        const behind = yield* under.open(gate.endpoint)
        const { body } = yield* behind.getObject({ key })
        yield* Effect.promise(async () => {
          const reader = body.getReader()
          await reader.read()
          await reader.cancel()
        })
        yield* until("the connection is closed", () => gate.open() === 0)
      })
    )
  }),

  "what runs side by side is not mixed up": Effect.fnUntraced(function* (store) {
    const objects = Array.from({ length: 12 }, (_, i) => ({ key: freshKey(String(i)), bytes: bytesOf(200_000 + i) }))
    yield* Effect.forEach(objects, ({ key, bytes }) => putBytes(store, key, bytes), { concurrency: 12 })
    yield* Effect.forEach(
      objects,
      Effect.fnUntraced(function* ({ key, bytes }) {
        sameBytes(yield* read((yield* store.getObject({ key })).body), bytes)
        yield* store.deleteObject({ key })
      }),
      { concurrency: 12 }
    )
  }),

  "when the store is closed, no connection of its is open": Effect.fnUntraced(function* (store, under) {
    if (under.seesSockets === false) return
    const gate = yield* gateTo(under.endpoint)
    const key = freshKey()
    yield* Effect.scoped(Effect.flatMap(under.open(gate.endpoint), (behind) => putBytes(behind, key, bytesOf(10))))
    yield* until("all connections are closed", () => gate.open() === 0)
    yield* store.deleteObject({ key })
  })
}
