import { once } from "node:events"
import { request } from "node:http"
import { connect } from "node:net"
import { afterAll, beforeAll, expect, it } from "vitest"
import { presign } from "../../test/behaviour/presign.ts"
import { memoryStore, type S3Server, startS3 } from "../index.ts"

let server: S3Server

beforeAll(async () => {
  server = await startS3({ buckets: ["media"] })
})

afterAll(() => server.close())

const url = (method: "GET" | "PUT", key: string, query: Record<string, string> = {}) =>
  presign(server, { method, path: `/media/${key}`, query })

/** A PUT as raw lines, so that headers and framing are exactly those given. */
async function raw(headers: ReadonlyArray<string>, body: string, target = new URL(url("PUT", "raw"))) {
  const socket = connect(server.port, "127.0.0.1")
  const head = [
    `PUT ${target.pathname}${target.search} HTTP/1.1`,
    `host: ${target.host}`,
    "connection: close",
    ...headers
  ]
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`)
  let answer = ""
  for await (const chunk of socket) answer += chunk
  return { status: Number(answer.slice(9, 12)), code: /<Code>(\w+)/.exec(answer)?.[1] }
}

it("a client that expects 100 Continue gets it when its body is wanted", async () => {
  const put = request(url("PUT", "expects"), {
    method: "PUT",
    headers: { expect: "100-continue", "content-length": 3 }
  })
  put.flushHeaders()
  await once(put, "continue")
  put.end("abc")
  const [answer] = await once(put, "response")
  answer.resume()
  expect(answer.statusCode).toBe(200)
})

it("a client that expects 100 Continue gets the refusal instead, and a closed connection", async () => {
  const put = request(url("PUT", "refused").replace("X-Amz-Signature=", "X-Amz-Signature=0"), {
    method: "PUT",
    headers: { expect: "100-continue", "content-length": 3 }
  })
  let continued = false
  put.on("continue", () => {
    continued = true
  })
  put.on("error", () => {}) // The connection ends under the request.
  put.flushHeaders()
  const [answer] = await once(put, "response")
  answer.resume()
  expect([answer.statusCode, answer.headers.connection, continued]).toEqual([403, "close", false])
})

it("a refusal comes through while the body is still being sent", async () => {
  const answer = await fetch(url("PUT", "x").replace("/media/", "/absent/"), {
    method: "PUT",
    body: Buffer.alloc(8 * 1024 * 1024)
  })
  expect([answer.status, /<Code>(\w+)/.exec(await answer.text())?.[1]]).toEqual([403, "SignatureDoesNotMatch"])
})

it.each([
  ["no length at all", [], "", 411, "MissingContentLength"],
  ["a chunked body", ["transfer-encoding: chunked"], "3\r\nabc\r\n0\r\n\r\n", 411, "MissingContentLength"],
  [
    "two checksums",
    ["content-length: 1", "x-amz-checksum-crc32: a", "x-amz-checksum-sha1: b"],
    "x",
    403,
    "AccessDenied"
  ]
])("a PUT with %s is refused", async (_what, headers, body, status, code) => {
  expect(await raw(headers, body)).toEqual({ status, code })
})

it("a body that ends early leaves nothing behind, and the server serves on", async () => {
  const socket = connect(server.port, "127.0.0.1")
  const { pathname, search, host } = new URL(url("PUT", "torn"))
  socket.write(`PUT ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 1000\r\n\r\nonly this`)
  await until(() => server.requests.some(({ key }) => key === "torn"))
  socket.destroy()
  await until(() => server.requests.some(({ key, status }) => key === "torn" && status === "dropped"))
  expect(await server.object("media", "torn")).toBeUndefined()
  expect((await fetch(url("PUT", "torn"), { method: "PUT", body: "whole" })).status).toBe(200)
})

it.each([
  ["key", { torrent: "" }, 501, "NotImplemented"],
  ["key", { versionId: "1" }, 400, "InvalidArgument"],
  ["absent", {}, 404, "NoSuchKey"],
  ["k".repeat(1025), {}, 400, "KeyTooLongError"]
])("GET /%.20s with %j is %i %s", async (key, query, status, code) => {
  const answer = await fetch(url("GET", key, query))
  expect([answer.status, /<Code>(\w+)/.exec(await answer.text())?.[1]]).toEqual([status, code])
})

it("an undecodable path is InvalidURI", async () => {
  const target = new URL(server.endpoint)
  target.pathname = "/media/%zz"
  expect(await raw(["content-length: 0"], "", target)).toEqual({ status: 400, code: "InvalidURI" })
})

it("keys are taken literally: dots, double slashes, percent signs", async () => {
  for (const key of ["a//b", "../c", "./d", "100%", "e?f=g", "h#i", "trailing/", "+ +"]) {
    expect(await putLiterally(key, `bytes of ${key}`)).toBe(200)
    expect(Buffer.from((await server.object("media", key)) ?? []).toString()).toBe(`bytes of ${key}`)
  }
})

/** `fetch` would resolve the dots in a path. */
async function putLiterally(key: string, body: string): Promise<number> {
  const path = url("PUT", key).slice(server.endpoint.length)
  const put = request({ host: "127.0.0.1", port: server.port, method: "PUT", path }).end(body)
  const [answer] = await once(put, "response")
  answer.resume()
  return answer.statusCode
}

it("close ends every connection", async () => {
  const other = await startS3({ buckets: ["media"] })
  const socket = connect(other.port, "127.0.0.1")
  await once(socket, "connect")
  await until(() => other.openSockets() === 1)
  const closed = once(socket, "close")
  await Promise.all([other.close(), other.close(), closed])
  expect(other.openSockets()).toBe(0)
})

it("a start that fails is an error, and the store is closed again", async () => {
  let closed = 0
  const store = () => ({ ...memoryStore(), close: async () => void closed++ })
  await expect(startS3({ port: server.port, store: store() })).rejects.toMatchObject({ code: "EADDRINUSE" })
  await expect(startS3({ buckets: ["Not A Bucket"], store: store() })).rejects.toMatchObject({
    code: "InvalidBucketName"
  })
  expect(closed).toBe(2)
})

/** Yields to the event loop until something has happened. */
async function until(happened: () => boolean): Promise<void> {
  while (!happened()) await new Promise((resolve) => setImmediate(resolve))
}

it("lines of one name are one value, joined as SigV4 signs them", async () => {
  const lines = ["content-language: de", "content-language: en", "content-length: 1"]
  expect((await raw(lines, "x", new URL(url("PUT", "lines")))).status).toBe(200)
  const got = await fetch(url("GET", "lines"))
  expect(got.headers.get("content-language")).toBe("de,en")
})
