import { reject, uploadError } from "@sluice/core/UploadError"
import { Hono } from "hono"
import { describe, expect, it } from "vitest"
import { type MemorySluice, memorySluice } from "../../test/memory-sluice.ts"
import type { Authorize } from "../authorize.ts"
import { sluiceRoutes } from "../sluice-routes.ts"

const setup = (authorize: Authorize = "public") => {
  const sluice = memorySluice()
  const failures: Array<unknown> = []
  const app = new Hono().route("/", sluiceRoutes(sluice, { authorize, onError: (error) => failures.push(error) }))
  return { sluice, app, failures }
}

const put = (app: Hono, path: string, body: BodyInit = "hello", headers: Record<string, string> = {}) =>
  app.request(path, { method: "PUT", body, headers })

/** A PUT without Content-Length. */
const putStream = (app: Hono, path: string, body: ReadableStream) => {
  const init: RequestInit & { duplex: "half" } = { method: "PUT", body, duplex: "half" }
  return app.request(new Request(`http://test${path}`, init))
}

const text = (sluice: MemorySluice, key: string) => new TextDecoder().decode(sluice.objects.get(key)?.bytes)

describe("PUT", () => {
  it("stores the body under the name and answers what the store holds", async () => {
    const { app, sluice } = setup()
    const response = await put(app, "/objects/a/b%20c.txt")
    expect(response.status).toBe(201)
    expect(response.headers.get("location")).toBe("/objects/a/b%20c.txt")
    expect(response.headers.get("etag")).toBe('"5"')
    expect(await response.json()).toEqual({
      bucket: "test",
      key: "a/b c.txt",
      uri: "s3://test/a/b c.txt",
      location: "http://store.test/test/a/b c.txt",
      size: 5,
      etag: '"5"',
      crc32: "0a0b0c0d",
      proof: "source"
    })
    expect(text(sluice, "a/b c.txt")).toBe("hello")
  })

  it("takes no bytes, and a body of unknown length", async () => {
    const { app, sluice } = setup()
    expect((await app.request("/objects/empty", { method: "PUT" })).status).toBe(201)
    expect(sluice.objects.get("empty")?.options.size).toBe(0)
    const body = new Blob(["chunked"]).stream()
    const response = await putStream(app, "/objects/s", body)
    expect(response.status).toBe(201)
    expect(sluice.objects.get("s")?.options.size).toBeUndefined()
  })

  it("carries the headers that describe the object", async () => {
    const { app, sluice } = setup()
    await put(app, "/objects/x", "hi", {
      "Content-Type": "text/x-test",
      "Cache-Control": "max-age=60",
      "Content-Disposition": "inline",
      "Content-Encoding": "gzip",
      "Content-Language": "de",
      "x-amz-meta-Owner": "ann",
      "x-amz-storage-class": "STANDARD_IA",
      "x-amz-tagging": "a=1&b=two%20words",
      "If-None-Match": "*"
    })
    expect(sluice.objects.get("x")?.options).toMatchObject({
      contentType: "text/x-test",
      cacheControl: "max-age=60",
      contentDisposition: "inline",
      contentEncoding: "gzip",
      contentLanguage: "de",
      metadata: { owner: "ann" },
      storageClass: "STANDARD_IA",
      tags: { a: "1", b: "two words" },
      ifNoneMatch: "*"
    })
  })

  it.each([
    ["Content-Range", { "Content-Range": "bytes 0-4/10" }],
    ["aws-chunked", { "Content-Encoding": "aws-chunked,gzip" }],
    ["metadata that is the server's own", { "x-amz-meta-Sluice-Plugins": "acme/seal" }],
    ["a list in If-None-Match", { "If-None-Match": '"a"' }],
    ["a weak If-Match", { "If-Match": 'W/"a"' }],
    ["both conditions", { "If-Match": '"a"', "If-None-Match": "*" }]
  ])("refuses %s before a byte is stored", async (_, headers) => {
    const { app, sluice } = setup()
    const response = await put(app, "/objects/x", "hello", headers)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ reason: "InvalidRequest", retryable: false })
    expect(sluice.objects.size).toBe(0)
  })

  it("answers a body that breaks off without leaking why", async () => {
    const { app, sluice } = setup()
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error("ECONNRESET 10.0.0.7")) })
    const response = await putStream(app, "/objects/s", body)
    expect(response.status).toBe(400)
    expect(await response.text()).not.toMatch(/10\.0\.0\.7|secret/)
    expect(sluice.objects.size).toBe(0)
  })

  it("says where the object is when mounted elsewhere", async () => {
    const { app } = setup()
    const mounted = new Hono().route("/api/uploads", app)
    expect((await put(mounted, "/api/uploads/objects/a%2Fb")).headers.get("location")).toBe("/api/uploads/objects/a/b")
  })
})

describe("names", () => {
  it.each([
    ["/objects/a%2F..%2Fb", "a . or .. segment"],
    ["/objects/a%00b", "a control character"],
    ["/objects/a%0Ab", "a control character"],
    ["/objects/%2Fetc", "starts with /"],
    ["/objects/a%5Cb", "a backslash"],
    ["/objects/a//b", "an empty segment"],
    ["/objects/a/", "an empty segment"],
    ["/objects/%ff", "not valid UTF-8"],
    [`/objects/${"%C3%A9".repeat(513)}`, "longer than 1024 bytes"]
  ])("refuses %s", async (path, why) => {
    const { app, sluice } = setup()
    const response = await put(app, path)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ reason: "InvalidRequest", detail: expect.stringContaining(why) })
    expect(sluice.objects.size).toBe(0)
  })

  it("decodes once: a percent sign in a name stays", async () => {
    const { app, sluice } = setup()
    const response = await put(app, "/objects/100%25%2520")
    expect([...sluice.objects.keys()]).toEqual(["100%%20"])
    expect(response.headers.get("location")).toBe("/objects/100%25%2520")
  })
})

describe("GET", () => {
  const stored = async () => {
    const made = setup()
    await put(made.app, '/objects/f/naïve "1".html', "0123456789", {
      "Content-Type": "text/html",
      "x-amz-meta-owner": "ann"
    })
    return {
      ...made,
      get: (headers = {}, method = "GET") =>
        made.app.request("/objects/f/na%C3%AFve%20%221%22.html", { method, headers })
    }
  }

  it("sends the object as a download that no browser runs", async () => {
    const { get } = await stored()
    const response = await get()
    expect(response.status).toBe(200)
    expect(await response.text()).toBe("0123456789")
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/html",
      "content-length": "10",
      "content-disposition": `attachment; filename="na_ve _1_.html"; filename*=UTF-8''na%C3%AFve%20%221%22.html`,
      "content-security-policy": "sandbox; default-src 'none'",
      "x-content-type-options": "nosniff",
      "cache-control": "private, no-cache",
      "accept-ranges": "bytes",
      etag: '"10"',
      "x-amz-meta-owner": "ann"
    })
  })

  it("answers HEAD with the same headers and no body", async () => {
    const { get } = await stored()
    const response = await get({}, "HEAD")
    expect(response.status).toBe(200)
    expect(response.headers.get("content-length")).toBe("10")
    expect(await response.text()).toBe("")
  })

  it.each([
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=8-99", 206, "89", "bytes 8-9/10"],
    ["bytes=0-1,4-5", 200, "0123456789", null],
    ["bytes=5-2", 200, "0123456789", null],
    ["lines=1-2", 200, "0123456789", null]
  ])("answers %s", async (range, status, body, contentRange) => {
    const { get } = await stored()
    const response = await get({ range })
    expect(response.status).toBe(status)
    expect(response.headers.get("content-range")).toBe(contentRange)
    expect(await response.text()).toBe(body)
  })

  it.each(["bytes=10-", "bytes=-0"])("answers 416 with the size to %s", async (range) => {
    const { get } = await stored()
    const response = await get({ range })
    expect(response.status).toBe(416)
    expect(response.headers.get("content-range")).toBe("bytes */10")
  })

  it("keeps the conditions of the client", async () => {
    const { get } = await stored()
    expect((await get({ "if-match": '"10"' })).status).toBe(200)
    expect((await get({ "if-match": '"11"' })).status).toBe(412)
    expect((await get({ "if-match": '"11"' }, "HEAD")).status).toBe(412)
    expect((await get({ "if-none-match": '"9", W/"10"' })).status).toBe(304)
    expect((await get({ "if-none-match": '"10"' }, "HEAD")).status).toBe(304)
    expect((await get({ range: "bytes=0-1", "if-range": '"10"' })).status).toBe(206)
    expect((await get({ range: "bytes=0-1", "if-range": '"old"' })).status).toBe(200)
    expect((await get({ range: "bytes=0-1", "if-range": "Thu, 01 Jan 1970 00:00:00 GMT" })).status).toBe(200)
  })

  it("answers 404 with the name the client used", async () => {
    const { app } = setup(() => ({ prefix: "users/42" }))
    const response = await app.request("/objects/none")
    expect(response.status).toBe(404)
    const body = await response.text()
    expect(JSON.parse(body)).toMatchObject({ reason: "NoSuchKey", detail: 'no object "none" in the bucket' })
    expect(body).not.toContain("users/42")
  })
})

describe("DELETE", () => {
  it("answers 204, whether the object was there or not", async () => {
    const { app, sluice } = setup()
    await put(app, "/objects/x")
    expect((await app.request("/objects/x", { method: "DELETE" })).status).toBe(204)
    expect(sluice.objects.size).toBe(0)
    expect((await app.request("/objects/x", { method: "DELETE" })).status).toBe(204)
  })
})

describe("authorize", () => {
  it("keeps every owner in their own folder", async () => {
    const { app, sluice } = setup((request) => ({ prefix: `users/${request.headers.get("x-user")}` }))
    await put(app, "/objects/2/x", "hi", { "x-user": "4" })
    expect([...sluice.objects.keys()]).toEqual(["users/4/2/x"])
    expect((await app.request("/objects/x", { headers: { "x-user": "42" } })).status).toBe(404)
  })

  it("asks for credentials before it looks at anything else", async () => {
    const { app } = setup(() => null)
    const response = await put(app, "/objects/%ff")
    expect(response.status).toBe(401)
    expect(response.headers.get("www-authenticate")).toContain("Bearer")
  })

  it("refuses with the authorizer's own words and status", async () => {
    const { app } = setup(() => {
      throw reject("read only today", { status: 405 })
    })
    const response = await put(app, "/objects/x")
    expect(response.status).toBe(405)
    expect(await response.json()).toMatchObject({ reason: "Rejected", detail: "read only today" })
  })
})

describe("failures of the store", () => {
  it("tells the client little and the operator everything", async () => {
    const { app, sluice, failures } = setup()
    sluice.fail = uploadError({ _tag: "AccessDenied", message: "key AKIA… may not write to s3://inner" })
    const response = await put(app, "/objects/x")
    expect(response.status).toBe(502)
    expect(await response.text()).not.toMatch(/AKIA|inner/)
    expect(failures).toEqual([sluice.fail])
  })

  it("passes the store's wish to wait on", async () => {
    const { app, sluice } = setup()
    sluice.fail = uploadError({ _tag: "Throttled", code: "SlowDown", retryAfterMs: 1_500 })
    const response = await put(app, "/objects/x")
    expect(response.status).toBe(503)
    expect(response.headers.get("retry-after")).toBe("2")
    expect(await response.json()).toMatchObject({ retryable: true })
  })
})
