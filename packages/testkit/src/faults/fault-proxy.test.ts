/** Real sockets before a real HTTP server: what networks do, by rule. */
import { once } from "node:events"
import { createServer, request } from "node:http"
import { createServer as createTlsServer } from "node:https"
import { connect, createServer as createTcpServer, type Socket } from "node:net"
import { text } from "node:stream/consumers"
import { afterEach, describe, expect, it } from "vitest"
import { type FaultProxy, type FaultProxyOptions, type FaultRule, faultProxy, manualClock, startS3 } from "../index.ts"
import { selfSigned } from "../s3/self-signed.ts"

const opened: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

const portOf = (server: { address(): unknown }): number => {
  const address = server.address()
  if (typeof address !== "object" || address === null || !("port" in address)) throw new Error("no port")
  return Number(address.port)
}

/** A server that answers how many bytes it got, and a proxy before it. */
async function proxied(options: Omit<FaultProxyOptions, "target"> = {}) {
  let arrived = 0
  const server = createServer((incoming, answer) => {
    incoming.on("error", () => {})
    incoming.on("data", (chunk: Buffer) => {
      arrived += chunk.length
    })
    incoming.on("end", () => answer.end(`${arrived}`))
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const proxy = await faultProxy({ target: `http://127.0.0.1:${portOf(server)}`, ...options })
  opened.push(async () => {
    await proxy.close()
    server.closeAllConnections()
    server.close()
  })
  return { proxy, server, arrived: () => arrived }
}

const body = Buffer.alloc(300_000, 7)

/** One request over a connection of its own. */
const put = async (proxy: FaultProxy, content: Buffer = body) => {
  const outgoing = request(`${proxy.endpoint}/b/k`, { method: "PUT", agent: false })
  const answer = once(outgoing, "response")
  outgoing.on("error", () => {}) // One connection may break twice: written to, then read from.
  outgoing.end(content)
  const [incoming] = await answer
  return text(incoming)
}

const every = { match: { connection: "any" }, times: Infinity } as const

/** Yields to the event loop until something has happened. */
async function until(happened: () => boolean): Promise<void> {
  while (!happened()) await new Promise((resolve) => setImmediate(resolve))
}

/** Time for what could happen to happen. */
async function turns(): Promise<void> {
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve))
}

describe("a proxy without rules", () => {
  it("passes everything on, and counts it", async () => {
    const { proxy } = await proxied()
    expect(await put(proxy)).toBe("300000")
    const { connections, toClient, toStore } = proxy.traffic()
    expect(connections).toBe(1)
    expect(toStore).toBeGreaterThan(300_000)
    expect(toClient).toBeGreaterThan(6)
    expect(proxy.faults.hits).toEqual([])
  })

  it("passes TLS on without reading it", async () => {
    const { cert, key } = await selfSigned([])
    const server = createTlsServer({ cert, key }, (_, answer) => answer.end("secret")).listen(0, "127.0.0.1")
    await once(server, "listening")
    const proxy = await faultProxy({ target: `https://127.0.0.1:${portOf(server)}` })
    opened.push(async () => {
      await proxy.close()
      server.closeAllConnections()
      server.close()
    })
    expect(proxy.endpoint).toMatch(/^https:/)
    const https = await import("node:https")
    const [incoming] = await once(https.get(proxy.endpoint, { ca: cert, agent: false }), "response")
    expect(await text(incoming)).toBe("secret")
    expect(() => proxy.faults.add({ action: { type: "html200" } })).toThrow(/needs .*reads HTTP; this is/)
    proxy.faults.add({ action: { type: "reset", afterBytes: 0 } })
    await expect(once(https.get(proxy.endpoint, { ca: cert, agent: false }), "response")).rejects.toMatchObject({
      code: "ECONNRESET"
    })
  })
})

describe("connections", () => {
  it.each([0, 1, 100_000])("are reset after %d bytes towards the store", async (afterBytes) => {
    const { arrived, proxy } = await proxied()
    proxy.faults.add({ match: { connection: 1 }, action: { type: "reset", afterBytes } })
    await expect(put(proxy)).rejects.toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) })
    expect(arrived()).toBeLessThanOrEqual(afterBytes)
    expect(await put(proxy)).toMatch(/^\d+$/)
  })

  it("are reset after so many bytes of the answer", async () => {
    const { arrived, proxy } = await proxied()
    proxy.faults.add({ match: { connection: 1, phase: "response" }, action: { type: "reset", afterBytes: 10 } })
    await expect(put(proxy)).rejects.toMatchObject({ code: "ECONNRESET" })
    expect(arrived()).toBe(300_000)
  })

  it("end with a FIN and no answer", async () => {
    const { proxy } = await proxied()
    proxy.faults.add({ match: { connection: 1 }, action: { type: "halfClose", afterBytes: 1_000 } })
    await expect(put(proxy)).rejects.toMatchObject({
      message: expect.stringMatching(/socket hang up|EPIPE|ECONNRESET/)
    })
  })

  it("are closed for the store after so many bytes", async () => {
    const { arrived, proxy, server } = await proxied()
    proxy.faults.add({ match: { connection: 1 }, action: { type: "truncate", afterBytes: 50_000 } })
    const gone = once(server, "clientError").catch(() => {})
    put(proxy).catch(() => {})
    await Promise.race([gone, until(() => arrived() > 49_000)])
    expect(arrived()).toBeLessThan(50_000)
  })

  it("vanish into a black hole, and come to light when the proxy closes", async () => {
    const { arrived, proxy } = await proxied()
    proxy.faults.add({ match: { connection: 1 }, action: { type: "blackhole", afterBytes: 100_000 } })
    const answer = put(proxy).catch((error: unknown) => error)
    await until(() => proxy.traffic().toStore >= 100_000)
    expect(arrived()).toBeLessThan(100_000)
    expect(proxy.traffic().open).toBe(1)
    await proxy.close()
    expect(await answer).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) })
  })

  it("that vanish hear nothing more from the other side either", async () => {
    const echoed = Promise.withResolvers<void>()
    const server = createTcpServer((socket) => {
      socket.on("data", (chunk) => socket.write(chunk, () => echoed.resolve()))
      socket.on("error", () => {})
    })
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    opened.push(async () => server.close())
    // Of https it reads nothing: any protocol may stand behind it.
    const proxy = await faultProxy({ target: `https://127.0.0.1:${portOf(server)}` })
    opened.push(proxy.close)
    proxy.faults.add({ match: { connection: 1 }, action: { type: "blackhole", afterBytes: 5 } })
    const client = connect(proxy.port, "127.0.0.1", () => client.write("hello"))
    client.on("error", () => {})
    let heard = ""
    client.on("data", (chunk: Buffer) => {
      heard += chunk.toString()
    })
    await echoed.promise
    await turns()
    expect([heard, proxy.traffic().toStore]).toEqual(["", 5])
    const closed = once(client, "close")
    await proxy.close()
    await closed
  })

  it.each([
    ["never answered: the store hears nothing", { match: { connection: 1 }, action: { type: "hang" } }, 0],
    [
      "never answered: the store hears all",
      { match: { connection: 1, phase: "response" }, action: { type: "hang" } },
      300_000
    ],
    [
      "never answered: the answer waits to be read",
      { match: { connection: 1, phase: "response" }, action: { type: "stall", afterBytes: 0 } },
      300_000
    ]
  ] satisfies ReadonlyArray<readonly [string, FaultRule, number]>)("are taken in and %s", async (_, rule, heard) => {
    const { arrived, proxy } = await proxied({ rules: [rule] })
    const outgoing = request(`${proxy.endpoint}/b/k`, { method: "PUT", agent: false })
    const answer = once(outgoing, "response").catch((error: unknown) => error)
    outgoing.on("error", () => {})
    await new Promise<void>((resolve) => outgoing.end(body, resolve))
    await until(() => arrived() === heard)
    await turns()
    expect(arrived()).toBe(heard)
    await proxy.close()
    expect(await answer).toBeInstanceOf(Error)
  })

  it("come in tiny pieces, of sizes that the seed chooses", async () => {
    const { proxy, server } = await proxied({ seed: 3 })
    const sizes: Array<number> = []
    server.on("connection", (socket: Socket) => {
      socket.on("data", (chunk: Buffer) => sizes.push(chunk.length))
    })
    proxy.faults.add({ ...every, action: { type: "slice", bytes: 500 } })
    expect(await put(proxy, body.subarray(0, 20_000))).toBe("20000")
  })

  it("have latency, of the test's clock", async () => {
    const clock = manualClock()
    const { arrived, proxy } = await proxied({ clock })
    proxy.faults.add({ ...every, action: { type: "delay", ms: 100, jitterMs: 50 } })
    const answer = put(proxy, body.subarray(0, 10))
    await until(() => clock.sleeping > 0)
    clock.advance(99)
    await turns()
    expect(arrived()).toBe(0)
    let over = false
    answer.then(() => {
      over = true
    })
    while (!over) {
      clock.advance(51)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await answer).toBe("10")
  })

  it("have so many bytes a second", async () => {
    const clock = manualClock()
    const { proxy } = await proxied({ clock })
    proxy.faults.add({
      match: { connection: "any", phase: "body" },
      times: Infinity,
      action: { type: "slow", bytesPerSecond: 100_000 }
    })
    let over = false
    const answer = put(proxy).then((got) => {
      over = true
      return got
    })
    let ms = 0
    while (!over) {
      await until(() => over || clock.sleeping > 0)
      if (clock.sleeping === 0) continue
      clock.advance(100)
      ms += 100
    }
    expect(await answer).toBe("300000")
    expect(ms).toBeGreaterThanOrEqual(3_000)
  })

  it("are closed slowly", async () => {
    const clock = manualClock()
    const { proxy, server } = await proxied({ clock })
    proxy.faults.add({ ...every, action: { type: "slowClose", ms: 5_000 } })
    const socket = connect(proxy.port, "127.0.0.1")
    await once(socket, "connect")
    const ended = once(server, "connection").then(([inner]) => once(inner, "close"))
    socket.end("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    await until(() => clock.sleeping > 0)
    expect(socket.destroyed).toBe(false)
    while (!socket.destroyed) {
      clock.advance(5_000)
      socket.resume()
      await new Promise((resolve) => setImmediate(resolve))
    }
    await ended
  })

  it("are refused, and more than so many are refused", async () => {
    const { proxy } = await proxied()
    proxy.faults.add({ match: { connection: 1 }, action: { type: "refuse" } })
    await expect(put(proxy)).rejects.toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) })
    proxy.faults.add({ ...every, action: { type: "connectionLimit", max: 1 } })
    const first = connect(proxy.port, "127.0.0.1")
    await once(first, "connect")
    await until(() => proxy.traffic().open === 1)
    await expect(put(proxy)).rejects.toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) })
    first.destroy()
    await until(() => proxy.traffic().open === 0)
    expect(await put(proxy, body.subarray(0, 3))).toBe("3")
  })

  it("find nobody while the proxy is down, and the same port when it is up again", async () => {
    const { proxy } = await proxied()
    const open = connect(proxy.port, "127.0.0.1")
    const reset = once(open, "error").catch((error: unknown) => [error])
    await until(() => proxy.traffic().open === 1)
    await proxy.down()
    expect(await reset).toMatchObject([{ code: "ECONNRESET" }])
    await expect(put(proxy)).rejects.toMatchObject({ code: "ECONNREFUSED" })
    await proxy.up()
    expect(await put(proxy, body.subarray(0, 3))).toBe("3")
  })

  it("are struck by the seed: the same numbers of the same seed, others of another", async () => {
    const struck = async (seed: number) => {
      const { proxy } = await proxied({ seed })
      proxy.faults.add({
        match: { connection: "any", probability: 0.5 },
        action: { type: "refuse" },
        times: Infinity
      })
      for (let i = 0; i < 12; i++) await put(proxy, body.subarray(0, 1)).catch(() => {})
      return proxy.faults.hits.map(({ connection }) => connection)
    }
    const first = await struck(1)
    expect(first.length).toBeGreaterThan(0)
    expect(await struck(1)).toEqual(first)
    expect(await struck(2)).not.toEqual(first)
  })
})

describe("before a store", () => {
  it("rules of requests and of connections stand side by side", async () => {
    await using s3 = await startS3({ buckets: ["media"] })
    await using proxy = await faultProxy({ target: s3.endpoint, seed: 9 })
    proxy.faults.add({ match: { op: "ListBuckets" }, action: { type: "status", status: 503, code: "SlowDown" } })
    proxy.faults.add({ match: { connection: 2 }, action: { type: "refuse" } })
    const get = () => fetch(`${proxy.endpoint}/`, { headers: { connection: "close" } }).then(({ status }) => status)
    expect(await get()).toBe(503)
    await expect(get()).rejects.toThrow()
    expect(await get()).toBe(403)
    expect(proxy.faults.hits).toMatchObject([
      { op: "ListBuckets", action: "status" },
      { connection: 2, action: "refuse" }
    ])
    expect(proxy.requests?.map(({ op, status }) => [op, status])).toEqual([
      ["ListBuckets", 503],
      ["ListBuckets", 403]
    ])
    expect(proxy.seed).toBe(9)
  })

  it("a rule that could never strike is refused with a reason", async () => {
    const { proxy } = await proxied()
    const add = (rule: Parameters<typeof proxy.faults.add>[0]) => () => proxy.faults.add(rule)
    expect(add({ action: { type: "ignoreSse" } })).toThrow('"ignoreSse" needs the embedded server')
    expect(add({ action: { type: "abortUpload" } })).toThrow("has credentials")
    expect(add({ match: { op: "PutObject" }, action: { type: "refuse" } })).toThrow('"refuse" cannot strike by op')
    expect(add({ match: { connection: 1 }, action: { type: "html200" } })).toThrow("cannot strike by connection")
    expect(add({ match: { connection: 1, key: "a" }, action: { type: "reset", afterBytes: 0 } })).toThrow("not both")
  })
})
