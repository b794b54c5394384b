/** What networks and stores do to bytes on real sockets, by the rules of the testkit (docs/reliability.md). */
import type { Upload, UploadEvent } from "@sluice/core/promise"
import {
  type FaultAction,
  type FaultProxy,
  type FaultProxyOptions,
  type FaultRule,
  faultProxy,
  type ManualClock,
  manualClock
} from "@sluice/testkit"
import { expect, it, onTestFinished } from "vitest"
import { pattern } from "../engine/bytes.ts"
import { onFaultyStores, put } from "../engine/target.ts"
import { attempt, failedWith, freshKey, type Outcome, quick, type Setup, succeeded } from "../engine/trial.ts"

const part = quick.partSize
const bytes = pattern(part + 1_000)
const older = pattern(20, 99)
const always = Number.POSITIVE_INFINITY

const retried = ({ events }: Outcome): ReadonlyArray<string> =>
  events.flatMap((event) => (event._tag === "Retrying" ? [event.error.reason._tag] : []))

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Acts on every event of an upload while it runs. */
const onEvents =
  (act: (event: UploadEvent) => unknown) =>
  async (upload: Upload): Promise<void> => {
    for await (const event of upload.events()) await act(event)
  }

onFaultyStores("a network", (target) => {
  const before = async (options: Omit<FaultProxyOptions, "target"> = {}): Promise<FaultProxy> => {
    const proxy = await faultProxy({ target: target().store.endpoint, ...options })
    onTestFinished(() => proxy.close())
    return proxy
  }
  const through = (proxy: FaultProxy, setup: Setup = {}, body: Uint8Array = bytes): Promise<Outcome> =>
    attempt(target(), { body }, { ...setup, store: { endpoint: proxy.endpoint } })

  /** Connections are kept alive: the first one carries the Create, and then the parts. */
  const first = (action: FaultAction): FaultRule => ({ match: { connection: 1 }, action })

  it.each([
    ["at its first byte", first({ type: "reset", afterBytes: 0 })],
    ["in the middle of a part", first({ type: "reset", afterBytes: part / 2 })],
    ["before the answer", { match: { op: "UploadPart", phase: "response" }, action: { type: "reset", afterBytes: 0 } }]
  ] satisfies ReadonlyArray<readonly [string, FaultRule]>)(
    "that resets a connection %s is tried again [row 9]",
    async (_, rule) => {
      const proxy = await before({ rules: [rule] })
      const outcome = await through(proxy, { concurrency: 1 })
      succeeded(outcome)
      expect(proxy.faults.hits).toHaveLength(1)
      expect(retried(outcome)).toEqual(["Unavailable"])
    }
  )

  it.each([
    ["is half-closed in the middle of a part", first({ type: "halfClose", afterBytes: part / 2 })],
    ["ends for the store in the middle of a part", first({ type: "truncate", afterBytes: part / 2 })],
    ["falls silent in the middle of a part, in both directions", first({ type: "blackhole", afterBytes: part / 2 })],
    ["takes a part and lets no answer through", { match: { op: "UploadPart" }, action: { type: "hang" } }]
  ] satisfies ReadonlyArray<readonly [string, FaultRule]>)(
    "whose connection %s is tried again [rows 11, 19]",
    async (_, rule) => {
      const proxy = await before({ rules: [rule] })
      const outcome = await through(proxy, { concurrency: 1, stallTimeoutMs: 1_000 })
      succeeded(outcome)
      expect(proxy.faults.hits).toHaveLength(1)
      expect(retried(outcome).length).toBeGreaterThan(0)
      for (const reason of retried(outcome)) expect(["Stalled", "Unavailable"]).toContain(reason)
    }
  )

  it("that is gone in the middle of an upload, and comes back, is outlived [row 13]", async () => {
    const proxy = await before()
    let gone = false
    const outcome = await through(
      proxy,
      {
        concurrency: 1,
        during: onEvents(async ({ _tag }) => {
          if (_tag === "PartStored" && !gone) {
            gone = true
            await proxy.down()
          }
          if (_tag === "Retrying") await proxy.up()
        })
      },
      pattern(3 * part)
    )
    succeeded(outcome)
    expect(new Set(retried(outcome))).toEqual(new Set(["Unavailable"]))
  })

  it("that delivers in tiny pieces, and late, delivers the same bytes", async () => {
    const clock = manualClock()
    const proxy = await before({
      clock,
      seed: 11,
      rules: [
        { match: { connection: "any" }, action: { type: "slice", bytes: 64 * 1024 }, times: always },
        { match: { connection: "any" }, action: { type: "delay", ms: 50, jitterMs: 50 }, times: always }
      ]
    })
    succeeded(await keepMoving(clock, 100, through(proxy)))
  })

  it.each([
    ["once: another connection is tried", 1],
    ["for ever: Stalled, and nothing is left", always]
  ])("that takes a byte at a time, %s [row 12]", async (_, times) => {
    const clock = manualClock()
    const proxy = await before({ clock })
    proxy.faults.add({
      match: { op: "UploadPart", partNumber: 1 },
      action: { type: "slow", bytesPerSecond: 10 },
      times
    })
    const stallTimeoutMs = times === 1 ? 2_000 : 500
    const outcome = await keepMoving(clock, 100, through(proxy, { stallTimeoutMs, maxAttempts: 2 }))
    if (times === 1) succeeded(outcome)
    else failedWith(outcome, "Stalled")
    expect(retried(outcome)).toContain("Stalled")
  })
})

onFaultyStores("a store", (target) => {
  const run = (key: string, setup: Setup = {}, body: Uint8Array = bytes): Promise<Outcome> =>
    attempt(target(), { key, body }, setup)

  it("that answers every part with 503 for a while is outlived, and asked for fewer at a time [row 7]", async () => {
    const key = freshKey()
    const action: FaultAction = { type: "status", status: 503, code: "SlowDown" }
    target().faults.add({ match: { op: "UploadPart", key }, action, times: 12 })
    const outcome = await run(key, { maxAttempts: 20 }, pattern(4 * part))
    succeeded(outcome)
    expect(retried(outcome)).toEqual(Array.from({ length: 12 }, () => "Throttled"))
    const last = target().requests.filter((request) => request.op === "UploadPart" && request.key === key)
    expect(last).toHaveLength(16)
  })

  it("that gets a part without its end, and a FIN, gets it again [row 19]", async () => {
    const key = freshKey()
    target().faults.add({
      match: { op: "UploadPart", key, partNumber: 1 },
      action: { type: "truncate", afterBytes: part - 1 }
    })
    const outcome = await run(key)
    succeeded(outcome)
    expect(retried(outcome)).toHaveLength(1)
  })

  it("that answers a part with the checksum of other bytes gets it again [row 15]", async () => {
    const key = freshKey()
    target().faults.add({ match: { op: "UploadPart", key, partNumber: 1 }, action: { type: "wrongChecksum" } })
    const outcome = await run(key)
    succeeded(outcome)
    expect(retried(outcome)).toEqual(["ChecksumMismatch"])
  })

  it("that stores a part twice has the object once [row 26]", async () => {
    const key = freshKey()
    target().faults.add({ match: { op: "UploadPart", key }, action: { type: "duplicate" }, times: 2 })
    const outcome = await run(key)
    succeeded(outcome)
    expect(retried(outcome)).toEqual([])
  })

  it("whose lifecycle ends the upload is NoSuchUpload, and the older object stands [rows 25, 38]", async () => {
    // The small last part: of a large one a store may hang up on before it is read, with its answer in the reset.
    for (const match of [{ op: "UploadPart", partNumber: 2 }, { op: "CompleteMultipartUpload" }] as const) {
      const key = freshKey()
      await put(target(), key, older)
      target().faults.add({ match: { ...match, key }, action: { type: "abortUpload" } })
      failedWith(await run(key, { standing: older, concurrency: 1 }), "NoSuchUpload")
    }
  })

  it.each(["12345", "54321", "31524"])(
    "that answers parts in the order %s has the same object [row 27]",
    async (order) => {
      const clock = manualClock()
      const rules = [...order].map((partNumber, turn) => ({
        match: { op: "UploadPart", partNumber: Number(partNumber), phase: "after" } as const,
        action: { type: "delay", ms: 1_000 * (turn + 1) } as const
      }))
      await using proxy = await faultProxy({ target: target().store.endpoint, clock, rules })
      const stored: Array<number> = []
      const body = pattern(4 * part + 1)
      const outcome = await attempt(
        target(),
        { body },
        {
          concurrency: 5,
          store: { endpoint: proxy.endpoint },
          during: async (upload) => {
            while (clock.sleeping < 5) await turn()
            clock.advance(1_000)
            for await (const event of upload.events()) {
              if (event._tag !== "PartStored") continue
              stored.push(event.partNumber)
              clock.advance(1_000)
            }
          }
        }
      )
      succeeded(outcome)
      expect(stored.join("")).toBe(order)
    }
  )

  it("that works at Complete for ten minutes, in white space, is waited for [row 39]", async () => {
    const clock = manualClock()
    const key = freshKey()
    await using proxy = await faultProxy({ target: target().store.endpoint, clock })
    proxy.faults.add({
      match: { op: "CompleteMultipartUpload" },
      action: { type: "keepAlive", everyMs: 20_000, blanks: 30 }
    })
    const running = attempt(target(), { key, body: bytes }, { store: { endpoint: proxy.endpoint } })
    succeeded(await keepMoving(clock, 20_000, running))
    expect(target().count("CompleteMultipartUpload", key)).toBe(1)
  })

  it.each([
    ["after", 1],
    ["before", 2]
  ] as const)("that falls silent %s it has applied Complete is looked at [row 40]", async (phase, completes) => {
    const key = freshKey()
    target().faults.add({ match: { op: "CompleteMultipartUpload", key, phase }, action: { type: "hang" } })
    succeeded(await run(key, { completeIdleTimeoutMs: 1_000 }))
    expect(target().count("CompleteMultipartUpload", key)).toBe(completes)
  })

  it("that answers Complete with half a document is looked at [row 36]", async () => {
    for (const action of [{ type: "truncate", afterBytes: 60 }, { type: "blankBody" }] satisfies Array<FaultAction>) {
      const key = freshKey()
      target().faults.add({ match: { op: "CompleteMultipartUpload", key, phase: "response" }, action })
      succeeded(await run(key))
      expect(target().count("CompleteMultipartUpload", key)).toBe(1)
    }
  })

  it("that says an upload is aborted which is not is told again, until ListParts agrees [row 46]", async () => {
    const key = freshKey()
    const { faults } = target()
    faults.add({ match: { op: "UploadPart", key }, action: { type: "status", status: 403, code: "AccessDenied" } })
    faults.add({ match: { op: "AbortMultipartUpload", key }, action: { type: "emptyBody" } })
    failedWith(await run(key, { concurrency: 1 }), "AccessDenied")
    expect(target().count("AbortMultipartUpload", key)).toBeGreaterThan(1)
  })

  it("whose answer does not say that the object is encrypted gets no byte of it [row 6]", async () => {
    const key = freshKey()
    target().faults.add({ match: { key }, action: { type: "hideSse" }, times: always })
    failedWith(await attempt(target(), { key, body: bytes, encryption: { mode: "SSE-S3" } }), "EncryptionNotApplied")
    expect(target().requests.filter((r) => r.key === key && r.op === "UploadPart" && r.bytesIn > 0)).toEqual([])
  })
})

/** Moves a clock on until something has happened, a turn of the event loop at a time. */
const keepMoving = async <A>(clock: ManualClock, ms: number, running: Promise<A>): Promise<A> => {
  let over = false
  const ended = running.finally(() => {
    over = true
  })
  ended.catch(() => {})
  while (!over) {
    clock.advance(ms)
    await turn()
  }
  return ended
}
