import * as http from "node:http"
import * as https from "node:https"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import type { Activity, ExchangeOptions, ExchangeRequest, Transport } from "./exchange.ts"
import type { RateLimiter } from "./rate-limiter.ts"
import { fetchTransport } from "./transport-fetch.ts"
import { nodeTransport } from "./transport-node.ts"

/** A limiter that gives leave when the test says so. */
const byHand = () => {
  const askers: Array<{ readonly bytes: number; readonly granted: (bytes: number) => void }> = []
  let arrived = Promise.withResolvers<void>()
  const limiter: RateLimiter = {
    ask: (bytes, granted) => {
      const asker = { bytes, granted }
      askers.push(asker)
      arrived.resolve()
      return () => {
        const at = askers.indexOf(asker)
        if (at >= 0) askers.splice(at, 1)
      }
    }
  }
  const asked = async (): Promise<void> => {
    while (askers.length === 0) {
      await arrived.promise
      arrived = Promise.withResolvers()
    }
  }
  return {
    limiter,
    waiting: () => askers.length,
    /** Gives leave for at most `most` bytes to the next who asks; tells for how many it asked. */
    grant: async (most: number): Promise<number> => {
      await asked()
      const asker = askers.shift()
      asker?.granted(Math.min(most, asker.bytes))
      return asker?.bytes ?? 0
    },
    asked
  }
}

const slices = [300, 1, 700, 999].map((length, i) => new Uint8Array(length).fill(i + 1))
const total = 2_000
const whole = Buffer.concat(slices)

let server: http.Server
let port = 0
/** Answers at once, without reading, where the path says so; else echoes what it was sent. */
beforeAll(async () => {
  server = http.createServer((request, response) => {
    if (request.url === "/refuse") {
      response.writeHead(503, { "content-length": "4" }).end("busy")
      return
    }
    const chunks: Array<Uint8Array> = []
    request.on("data", (chunk: Uint8Array) => chunks.push(chunk))
    request.on("error", () => undefined)
    request.on("end", () => response.end(Buffer.concat(chunks)))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  port = typeof address === "object" && address !== null ? address.port : 0
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const put = (path = "/"): ExchangeRequest => ({
  method: "PUT",
  protocol: "http:",
  hostname: "127.0.0.1",
  port,
  path,
  headers: { "content-length": String(total) },
  body: slices
})
const options = (told: Array<Activity>, signal = new AbortController().signal): ExchangeOptions => ({
  signal,
  connectTimeoutMs: 5_000,
  freshConnection: false,
  streamResponse: false,
  onAccepted: undefined,
  onActivity: (activity = "moved") => told.push(activity)
})

/** As on Bun, where a body can be streamed with its length. */
const pulled = async (limiter: RateLimiter): Promise<Transport> => {
  vi.resetModules()
  vi.stubGlobal("Bun", {})
  try {
    const { fetchTransport } = await import("./transport-fetch.ts")
    return fetchTransport(limiter)
  } finally {
    vi.unstubAllGlobals()
  }
}

describe.each<readonly [string, (limiter: RateLimiter) => Transport | Promise<Transport>]>([
  ["node:http", (limiter) => nodeTransport({ http, https }, limiter)],
  ["fetch", fetchTransport],
  ["fetch with a pulled body", pulled]
])("over %s, a limiter", (_, make) => {
  it("is asked for every byte, and what it allows arrives whole", async () => {
    const { grant, limiter, waiting } = byHand()
    const transport = await make(limiter)
    const told: Array<Activity> = []
    const answer = transport.exchange(put(), options(told))
    let left = total
    for (let most = 1; left > 0; most = 450) {
      const asked = await grant(most)
      expect(asked).toBeLessThanOrEqual(left)
      left -= Math.min(most, asked)
    }
    const { body } = await answer
    expect(body instanceof Uint8Array && Buffer.from(body).equals(whole)).toBe(true)
    expect(waiting()).toBe(0)
    const holds = told.filter((activity) => activity !== "moved")
    expect(holds.length).toBeGreaterThan(4)
    expect(holds).toEqual(holds.map((_, i) => (i % 2 === 0 ? "held" : "freed")))
    transport.close()
  })

  it("is not waited for when the exchange is ended", async () => {
    const { asked, limiter, waiting } = byHand()
    const transport = await make(limiter)
    const stop = new AbortController()
    const answer = transport.exchange(put(), options([], stop.signal))
    await asked()
    stop.abort()
    await expect(answer).rejects.toMatchObject({ code: "ABORT_ERR" })
    await expect.poll(waiting).toBe(0)
    transport.close()
  })

  it("is not waited for after an answer that came early", async () => {
    const { grant, limiter, waiting } = byHand()
    const transport = await make(limiter)
    const answer = transport.exchange(put("/refuse"), options([]))
    await grant(300)
    // A body that is given as a whole is waited for as a whole; the others are answered before they are through.
    if (make === fetchTransport) for (let left = total - 300; left > 0; ) left -= await grant(left)
    expect((await answer).statusCode).toBe(503)
    await expect.poll(waiting).toBe(0)
    transport.close()
  })
})
