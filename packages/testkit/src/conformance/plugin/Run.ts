import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { Journal, makeMemory } from "@sluice/core/Journal"
import { createSluice, type Sluice, s3, type Upload, type UploadEvent } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type FaultyS3Server, startS3 } from "../../faults/start-s3.ts"
import type { PluginUnderTest } from "../plugin.ts"
import { type Attended, attend, type Halt } from "./attend.ts"
import { watchTimers } from "./watch-timers.ts"

export const MiB = 1024 * 1024
const partSize = 5 * MiB

/** Bytes of which an eighth repeats: what compresses has something to do, and the parts stay as many. */
export const contentOf = (size: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at += 65_536) {
    const end = Math.min(at + 57_344, size)
    bytes.set(randomBytes(end - at), at)
  }
  return bytes
}

/** One plugin, one store, one uploader. */
export interface Run {
  readonly server: FaultyS3Server
  readonly attended: Attended
  readonly sluice: Sluice
  readonly upload: (body: Uint8Array<ArrayBuffer>, key?: string) => Upload
  /** The object as its readers get it. */
  readonly read: (key: string, range?: { readonly start: number; readonly end: number }) => Promise<Buffer>
  /** The bytes as they are stored. */
  readonly stored: (key: string) => Promise<Buffer | undefined>
}

const soon = async (what: string, isSo: () => boolean): Promise<void> => {
  const deadline = performance.now() + 5_000
  while (!isSo()) {
    assert.ok(performance.now() < deadline, what)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

interface RunOptions {
  readonly halt?: Halt
  /** The journal outlives the uploader. */
  readonly journal?: Layer.Layer<Journal>
  readonly server?: FaultyS3Server
}

export const durableJournal = async (): Promise<Layer.Layer<Journal>> => {
  const memory = await Effect.runPromise(makeMemory)
  return Layer.succeed(Journal, Journal.of({ ...memory, durable: true }))
}

/** Runs the plugin in an uploader, and looks when that is gone: nothing is left, and no promise was broken. */
export const withPlugin = async (
  { make, annotations }: PluginUnderTest,
  use: (run: Run) => Promise<void>,
  { halt, journal, server: given }: RunOptions = {}
): Promise<Attended> => {
  const attended = attend(make(), halt)
  const timers = watchTimers()
  const server = given ?? (await startS3({ buckets: ["media"] }))
  try {
    const { endpoint, region, credentials } = server
    const sluice = createSluice({
      store: s3({ bucket: "media", endpoint, region, credentials }),
      plugins: [attended.plugin],
      ...{ partSize, multipartThreshold: partSize, retryBaseMs: 1, concurrency: 3 },
      ...(journal && { journal })
    })
    try {
      await use({
        server,
        attended,
        sluice,
        upload: (body, key = "talks/intro.bin") => sluice.upload({ key, body, ...(annotations && { annotations }) }),
        read: async (key, range) => {
          const { stream } = await sluice.read({ key, ...(range && { range }) })
          const chunks: Array<Uint8Array> = []
          for await (const chunk of stream) chunks.push(chunk)
          return Buffer.concat(chunks)
        },
        stored: async (key) => {
          const bytes = await server.object("media", key)
          return bytes && Buffer.from(bytes)
        }
      })
    } finally {
      await sluice.dispose()
    }
    // A request that the server itself holds would keep its connection.
    server.faults.clear()
    await soon("connections are left open", () => server.openSockets() === 0)
    await soon("timers are left running", () => timers.running() === 0)
    assert.equal(attended.count.closed, attended.count.opened, "a scope of open was not closed")
    assert.deepEqual(attended.broken, [])
    if (journal === undefined) assert.deepEqual(server.openUploads(), [])
  } finally {
    if (given === undefined) await server.close()
    timers.stop()
  }
  return attended
}

export const eventsOf = async (upload: Upload): Promise<ReadonlyArray<UploadEvent>> => {
  const events: Array<UploadEvent> = []
  for await (const event of upload.events()) events.push(event)
  return events
}

export const sameBytes = (actual: Uint8Array | undefined, expected: Uint8Array): void => {
  assert.ok(actual !== undefined, "no object stands there")
  assert.ok(Buffer.compare(actual, expected) === 0, `${actual.length} bytes are not the ${expected.length} expected`)
}
