/**
 * Connections: how many, and a new one with a new look-up for each retry.
 */
import dns from "node:dns"
import { createServer } from "node:http"
import { createSluice, presets, s3 } from "@sluice/core/promise"
import { afterEach, describe, expect, it } from "vitest"
import { pattern } from "./bytes.ts"
import { onEmbedded } from "./target.ts"
import { attempt, failedWith, freshKey, quick, succeeded } from "./trial.ts"

const lookup = dns.lookup

/** Counts look-ups of a name; the first `unknown` find nothing. */
const lookups = (unknown = 0): { readonly count: () => number } => {
  let count = 0
  Reflect.set(dns, "lookup", (name: string, ...rest: ReadonlyArray<unknown>) => {
    const callback = rest.at(-1)
    if (++count > unknown || typeof callback !== "function") return Reflect.apply(lookup, dns, [name, ...rest])
    const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: "ENOTFOUND" })
    return queueMicrotask(() => callback(error))
  })
  return { count: () => count }
}

onEmbedded("a retry", (target) => {
  afterEach(() => {
    Reflect.set(dns, "lookup", lookup)
  })
  const byName = (): string => target().store.endpoint.replace("127.0.0.1", "localhost")

  it("looks the store's name up again", async () => {
    const key = freshKey()
    const { count } = lookups()
    target().server.faults.add({ match: { op: "PutObject", key }, action: { type: "reset", afterBytes: 0 }, times: 3 })
    succeeded(await attempt(target(), { key, body: pattern(10) }, { store: { endpoint: byName() } }))
    expect(count()).toBeGreaterThanOrEqual(4)
  })

  it("finds a name that was unknown for a while [row 13]", async () => {
    const { count } = lookups(3)
    succeeded(await attempt(target(), { body: pattern(10) }, { store: { endpoint: byName() } }))
    expect(count()).toBeGreaterThan(3)
  })

  it("does not wait for ever for a name that nobody knows", async () => {
    lookups(Number.POSITIVE_INFINITY)
    const outcome = await attempt(target(), { body: pattern(10) }, { store: { endpoint: byName() } })
    const error = failedWith(outcome, "Unavailable")
    expect(error).toMatchObject({ attempts: 8, retry: "persistent" })
    expect(error.message).toContain("host name is not known")
  })
})

describe("the number of connections", () => {
  /** A store that never answers, and how many connections it has at most. */
  const silent = async () => {
    let open = 0
    let most = 0
    const server = createServer(() => undefined)
    const first = Promise.withResolvers<void>()
    server.on("connection", (socket) => {
      most = Math.max(most, ++open)
      first.resolve()
      socket.once("close", () => open--)
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    if (address === null || typeof address === "string") throw new Error("no port")
    return {
      endpoint: `http://127.0.0.1:${address.port}`,
      first: first.promise,
      most: () => most,
      [Symbol.asyncDispose]: () =>
        new Promise<void>((resolve) => {
          server.close(() => resolve())
          server.closeAllConnections()
        })
    }
  }

  it.each([
    ["the engine's", {}, { maxSockets: 2 }],
    ["the store's own, which wins", { maxSockets: 2 }, { maxSockets: 50 }]
  ])("is bounded by `maxSockets`, %s", async (_, own, options) => {
    await using store = await silent()
    const credentials = { accessKeyId: "a", secretAccessKey: "b" }
    await using sluice = createSluice({
      ...quick,
      ...options,
      store: s3({ bucket: "media", endpoint: store.endpoint, credentials, ...own })
    })
    const uploads = Array.from({ length: 8 }, (_, i) => sluice.upload({ key: `k${i}`, body: pattern(10) }))
    await store.first
    await expect.poll(store.most).toBe(2)
    for (const upload of uploads) await upload.abort()
    expect(store.most()).toBe(2)
  })

  it("of the classic preset is 50", () => {
    expect(presets.classic).toEqual({ connectTimeoutMs: 10_000, stallTimeoutMs: 60_000, maxSockets: 50 })
  })
})
