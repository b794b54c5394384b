import { once } from "node:events"
import { createServer, request, type Server } from "node:http"
import { text } from "node:stream/consumers"
import { afterEach, describe, expect, it } from "vitest"
import { type RecordingProxy, recordingProxy } from "./recording-proxy.ts"

const opened: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

async function proxyTo(handler: Parameters<typeof createServer>[1]) {
  const server: Server = createServer({}, handler).listen(0, "127.0.0.1")
  await once(server, "listening")
  opened.push(async () => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === "string") return expect.unreachable()
  const proxy = await recordingProxy(`http://127.0.0.1:${address.port}`)
  opened.push(proxy.close)
  return { proxy, server }
}

const created = (uploadId: string) =>
  `<InitiateMultipartUploadResult><UploadId>${uploadId}</UploadId></InitiateMultipartUploadResult>`

describe("recordingProxy", () => {
  it("passes the request on as it came, Host included, and the answer back", async () => {
    const { proxy } = await proxyTo(async (request, response) => {
      const body = await text(request)
      response.writeHead(207, { "x-answer": "yes", etag: '"e"' })
      response.end(JSON.stringify([request.method, request.url, request.headers.host, body]))
    })
    const answer = await fetch(`${proxy.endpoint}/b/a%20key%2Fx?x-id=PutObject`, { method: "PUT", body: "hello" })
    expect(answer.status).toBe(207)
    expect(answer.headers.get("x-answer")).toBe("yes")
    expect(await answer.json()).toEqual(["PUT", "/b/a%20key%2Fx?x-id=PutObject", new URL(proxy.endpoint).host, "hello"])
  })

  it("streams both ways: the store answers the first bytes before the last are sent", async () => {
    const { proxy } = await proxyTo((request, response) => {
      request.pipe(response)
    })
    const outgoing = request(`${proxy.endpoint}/b/k`, { method: "PUT" })
    outgoing.write("first")
    const [incoming] = await once(outgoing, "response")
    const [chunk] = await once(incoming, "data")
    expect(String(chunk)).toBe("first")
    outgoing.end("last")
    expect(await text(incoming)).toBe("last")
  })

  it("a request without a body stays without one", async () => {
    const { proxy } = await proxyTo((request, response) => {
      response.end(JSON.stringify([request.headers["transfer-encoding"] ?? null, request.headers["content-length"]]))
    })
    const outgoing = request(`${proxy.endpoint}/b`, { method: "PUT", headers: { "content-length": 0 } }).end()
    const [incoming] = await once(outgoing, "response")
    expect(JSON.parse(await text(incoming))).toEqual([null, "0"])
  })

  it("100-continue comes from the store, not from the proxy", async () => {
    const { proxy, server } = await proxyTo((_, response) => response.end())
    server.on("checkContinue", (_, response) => response.writeHead(403).end())
    const outgoing = request(`${proxy.endpoint}/b/k`, { method: "PUT", headers: { expect: "100-continue" } })
    outgoing.on("continue", () => expect.unreachable())
    outgoing.on("error", () => {})
    outgoing.flushHeaders()
    const [incoming] = await once(outgoing, "response")
    expect(incoming.statusCode).toBe(403)
    outgoing.destroy()
  })

  it("an answer that comes before the body has been sent wins over the reset after it", async () => {
    const reset = Promise.withResolvers<() => void>()
    const { proxy } = await proxyTo((request, response) => {
      response.writeHead(503, { "content-length": 5 }).end("later")
      reset.resolve(() => request.socket.resetAndDestroy())
    })
    const outgoing = request(`${proxy.endpoint}/b/k`, { method: "PUT" })
    outgoing.on("error", () => {})
    outgoing.write("the beginning of a body")
    const [incoming] = await once(outgoing, "response")
    const resetByStore = await reset.promise
    resetByStore()
    await proxy.idle()
    expect(incoming.statusCode).toBe(503)
    expect(await text(incoming)).toBe("later")
    outgoing.destroy()
  })

  it("a reset by the store is a broken connection for the client", async () => {
    const { proxy } = await proxyTo((request) => {
      request.socket.resetAndDestroy()
    })
    await expect(fetch(`${proxy.endpoint}/b/k`)).rejects.toThrow()
  })

  it("an answer that breaks off is not completed", async () => {
    const { proxy } = await proxyTo((_, response) => {
      response.writeHead(200, { "content-length": 100 })
      response.write("half", () => response.destroy())
    })
    const answer = await fetch(`${proxy.endpoint}/b/k`)
    await expect(answer.text()).rejects.toThrow()
  })

  it("records each upload once, from the Create answer and from the requests that name one", async () => {
    const { proxy } = await proxyTo((request, response) => {
      response.end(request.url?.endsWith("?uploads") ? created("u1") : "")
    })
    await fetch(`${proxy.endpoint}/b/dir/a%20b?uploads`, { method: "POST" })
    await fetch(`${proxy.endpoint}/b/dir/a%20b?partNumber=1&uploadId=u1`, { method: "PUT", body: "x" })
    await fetch(`${proxy.endpoint}/b/other?uploadId=u2`, { method: "DELETE" })
    expect(proxy.uploads).toEqual([
      { bucket: "b", key: "dir/a b", uploadId: "u1" },
      { bucket: "b", key: "other", uploadId: "u2" }
    ])
    expect(proxy.count("CreateMultipartUpload")).toBe(1)
    expect(proxy.count("UploadPart")).toBe(1)
    expect(proxy.count("AbortMultipartUpload")).toBe(1)
    expect(proxy.count("PutObject")).toBe(0)
  })

  it("what is no S3 request is passed on, uncounted", async () => {
    const { proxy } = await proxyTo((_, response) => response.writeHead(405).end())
    expect((await fetch(`${proxy.endpoint}/b/k`, { method: "PATCH" })).status).toBe(405)
    expect((await fetch(`${proxy.endpoint}/b/%`)).status).toBe(405)
    expect(proxy.uploads).toEqual([])
  })

  it("records the upload of a Create whose client did not wait for the answer", async () => {
    const arrived = Promise.withResolvers<() => void>()
    const { proxy } = await proxyTo((_, response) => arrived.resolve(() => response.end(created("orphan"))))
    const interrupt = new AbortController()
    const create = fetch(`${proxy.endpoint}/b/k?uploads`, { method: "POST", signal: interrupt.signal })
    const answer = await arrived.promise
    interrupt.abort()
    await expect(create).rejects.toThrow()
    answer()
    await proxy.idle()
    expect(proxy.uploads).toEqual([{ bucket: "b", key: "k", uploadId: "orphan" }])
  })

  it("a client that goes away in the middle of a part takes its connection to the store with it", async () => {
    const gone = Promise.withResolvers<void>()
    const { proxy } = await proxyTo((request) => {
      request
        .on("close", gone.resolve)
        .on("error", () => {})
        .resume()
    })
    const outgoing = request(`${proxy.endpoint}/b/k?partNumber=1&uploadId=u`, { method: "PUT" })
    outgoing.on("error", () => {})
    outgoing.write("some", () => outgoing.destroy())
    await gone.promise
    await proxy.idle()
  })

  it.each([
    ["the store does not read", async () => {}],
    [
      "a fault holds",
      async (proxy: RecordingProxy) => {
        proxy.faults.add({ match: { op: "UploadPart" }, action: { type: "stall", afterBytes: 100 } })
      }
    ]
  ])("is idle while %s a part to its end: the store owes no answer", async (_, hold) => {
    const asked = Promise.withResolvers<void>()
    const { proxy } = await proxyTo(() => asked.resolve()) // Reads nothing, answers nothing.
    await hold(proxy)
    const outgoing = request(`${proxy.endpoint}/b/k?partNumber=1&uploadId=u`, { method: "PUT" })
    outgoing.on("error", () => {})
    const part = Buffer.alloc(16 * 1024 * 1024)
    outgoing.setHeader("content-length", part.length)
    outgoing.end(part)
    await asked.promise
    outgoing.destroy()
    await proxy.idle()
  })

  it("refuses a target that it could not read", async () => {
    await expect(recordingProxy("https://127.0.0.1:1")).rejects.toThrow("plain http only")
  })
})
