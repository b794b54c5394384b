import { createHash, randomBytes } from "node:crypto"
import { once } from "node:events"
import { request } from "node:http"
import { createServer } from "node:net"
import { startS3 } from "@sluice/testkit"
import { describe, expect, it, onTestFinished } from "vitest"
import { environmentOf, run, serve, start } from "./sluice-process.ts"

const MiB = 1024 * 1024
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")
const download = async (url: string) => new Uint8Array(await (await fetch(url)).arrayBuffer())

const streamOf = (bytes: Uint8Array) => {
  let at = 0
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(at, at + 65_536))
      at += 65_536
    }
  })
}

const putStream = (url: string, bytes: Uint8Array) => {
  const init: RequestInit & { duplex: "half" } = { method: "PUT", body: streamOf(bytes), duplex: "half" }
  return fetch(url, init)
}

/** A request whose head `fetch` would not let us write. */
const raw = async (url: string, method: string, headers: Record<string, string>) => {
  const sent = request(url, { method, headers })
  sent.end()
  const [response] = await once(sent, "response")
  response.resume()
  return Number(response.statusCode)
}

describe("sluice serve on its development store", () => {
  it("takes bodies of known and unknown length and gives the same bytes back", async () => {
    const { url } = await serve()
    const bytes = randomBytes(20 * MiB + 1)
    for (const [name, put] of [
      ["known", () => fetch(`${url}/objects/dir/known.bin`, { method: "PUT", body: bytes })],
      ["chunked", () => putStream(`${url}/objects/dir/chunked.bin`, bytes)]
    ] as const) {
      const response = await put()
      expect(response.status).toBe(201)
      expect(await response.json()).toMatchObject({ key: `dir/${name}.bin`, size: bytes.length, proof: "source" })
      expect(sha256(await download(`${url}/objects/dir/${name}.bin`))).toBe(sha256(bytes))
    }
  })

  it("takes an empty body, answers ranges, deletes", async () => {
    const { url } = await serve()
    expect((await fetch(`${url}/objects/empty`, { method: "PUT", body: "" })).status).toBe(201)
    expect(await download(`${url}/objects/empty`)).toHaveLength(0)
    expect((await putStream(`${url}/objects/nothing`, new Uint8Array(0))).status).toBe(201)

    await fetch(`${url}/objects/digits`, { method: "PUT", body: "0123456789" })
    const range = await fetch(`${url}/objects/digits`, { headers: { Range: "bytes=2-4" } })
    expect([range.status, await range.text(), range.headers.get("content-range")]).toEqual([206, "234", "bytes 2-4/10"])
    const beyond = await fetch(`${url}/objects/digits`, { headers: { Range: "bytes=10-" } })
    expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, "bytes */10"])
    const etag = range.headers.get("etag") ?? ""
    expect((await fetch(`${url}/objects/digits`, { headers: { "If-None-Match": etag } })).status).toBe(304)
    expect((await fetch(`${url}/objects/digits`, { headers: { "If-Match": '"other"' } })).status).toBe(412)
    const head = await fetch(`${url}/objects/digits`, { method: "HEAD" })
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "10"])

    expect((await fetch(`${url}/objects/digits`, { method: "DELETE" })).status).toBe(204)
    expect((await fetch(`${url}/objects/digits`)).status).toBe(404)
  })

  it("keeps what it has over a restart", async () => {
    const first = await serve()
    await fetch(`${first.url}/objects/kept.txt`, { method: "PUT", body: "still here" })
    first.child.kill("SIGTERM")
    expect(await first.ended).toMatchObject({ code: 0, err: "" })
    const second = await serve({}, first.directory)
    expect(await (await fetch(`${second.url}/objects/kept.txt`)).text()).toBe("still here")
  })

  it("refuses what it cannot do right, and says what to do", async () => {
    const { url } = await serve()
    const put = (path: string, headers: Record<string, string> = {}) =>
      fetch(`${url}/objects/${path}`, { method: "PUT", body: "x", headers })
    const partial = await put("x", { "Content-Range": "bytes 0-0/2" })
    expect(partial.status).toBe(400)
    expect(await partial.json()).toMatchObject({ reason: "InvalidRequest", retryable: false })
    expect((await put("a%2F..%2Fb")).status).toBe(400)
    expect((await put("a%00b")).status).toBe(400)
    expect((await put("a//b")).status).toBe(400)
    expect((await put("once", { "If-None-Match": "*" })).status).toBe(201)
    expect((await put("once", { "If-None-Match": "*" })).status).toBe(412)
    expect((await fetch(`${url}/elsewhere`)).status).toBe(404)
  })

  it("is closed to pages of other sites", async () => {
    const { url } = await serve()
    expect(await raw(`${url}/`, "GET", { host: "evil.test" })).toBe(403)
    expect(await raw(`${url}/objects/x`, "PUT", { origin: "http://evil.test" })).toBe(403)
    expect(await raw(`${url}/objects/x`, "PUT", { origin: url })).toBe(201)
  })

  it("answers probes", async () => {
    const { url } = await serve()
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect((await fetch(`${url}/`)).headers.get("content-security-policy")).toContain("default-src 'none'")
  })
})

describe("sluice serve with a token", () => {
  it("lets in who shows it, by header or by the page's cookie", async () => {
    const token = randomBytes(16).toString("hex")
    const { url } = await serve({ SLUICE_TOKEN: token })
    const put = async (headers: Record<string, string>) =>
      (await fetch(`${url}/objects/x`, { method: "PUT", body: "x", headers })).status
    expect(await put({})).toBe(401)
    expect(await put({ Authorization: "Bearer wrong" })).toBe(401)
    expect(await put({ Authorization: `Bearer ${token}` })).toBe(201)
    expect((await fetch(`${url}/login`, { method: "POST", body: "wrong" })).status).toBe(401)
    const login = await fetch(`${url}/login`, { method: "POST", body: token })
    const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? ""
    expect(await put({ Cookie: cookie })).toBe(201)
    expect((await fetch(`${url}/`)).status).toBe(200)
  })
})

describe("sluice serve in front of a store", () => {
  const setup = async () => {
    const store = await startS3({ buckets: ["media"] })
    onTestFinished(() => store.close())
    const server = await serve({ ...environmentOf(store), SLUICE_BUCKET: "media" })
    /** Sends the first 20 MiB of a body that says it has 64, and waits until the store has a part of it. */
    const half = async () => {
      const sent = request(`${server.url}/objects/half.bin`, {
        method: "PUT",
        headers: { "Content-Length": 64 * MiB }
      })
      sent.on("error", () => undefined)
      sent.write(randomBytes(20 * MiB))
      await expect.poll(() => store.openUploads()[0]?.parts.length ?? 0, { timeout: 10_000 }).toBeGreaterThan(0)
      return sent
    }
    return { store, half, ...server }
  }

  it("leaves nothing of an upload whose client went away", async () => {
    const { half, store } = await setup()
    const sent = await half()
    sent.destroy()
    await expect.poll(() => store.openUploads(), { timeout: 10_000 }).toEqual([])
    expect(await store.object("media", "half.bin")).toBeUndefined()
  })

  it("leaves nothing of a running upload when it is told to end, and ends within 5 s", async () => {
    const { child, ended, half, store } = await setup()
    await half()
    const asked = performance.now()
    child.kill("SIGTERM")
    expect(await ended).toMatchObject({ code: 0 })
    expect(performance.now() - asked).toBeLessThan(5_000)
    expect(store.openUploads()).toEqual([])
  })

  it("ends what it could not end at once, as soon as the store lets it; switched off, it does not", async () => {
    const store = await startS3({ buckets: ["media"] })
    onTestFinished(() => store.close())
    /** An upload whose client goes away while the store refuses to abort. */
    const leave = async (every: string) => {
      const server = await serve({ ...environmentOf(store), SLUICE_BUCKET: "media", SLUICE_JANITOR_EVERY: every })
      const key = `left-${every}`
      const refusal = store.faults.add({
        match: { op: "AbortMultipartUpload", key },
        action: { type: "status", status: 403, code: "AccessDenied" },
        times: Number.POSITIVE_INFINITY
      })
      const sent = request(`${server.url}/objects/${key}`, { method: "PUT", headers: { "Content-Length": 64 * MiB } })
      sent.on("error", () => undefined)
      sent.write(randomBytes(9 * MiB))
      const open = () => store.openUploads().filter((upload) => upload.key === key)
      await expect.poll(() => open()[0]?.parts.length ?? 0, { timeout: 20_000 }).toBeGreaterThan(0)
      sent.destroy()
      await expect.poll(() => refusal.hits, { timeout: 20_000 }).toBeGreaterThan(0)
      refusal.remove()
      return { ...server, open }
    }
    const off = await leave("off")
    const on = await leave("100ms")
    await expect.poll(on.open, { timeout: 20_000 }).toEqual([])
    // As long has this one had, and a sweep at its start.
    expect(off.open()).toHaveLength(1)
    for (const { child, ended } of [on, off]) {
      child.kill("SIGTERM")
      expect(await ended).toMatchObject({ code: 0 })
    }
  })

  it("serves on while the store is not usable, and says so", async () => {
    const store = await startS3({ buckets: [] })
    onTestFinished(() => store.close())
    const { url } = await serve({ ...environmentOf(store), SLUICE_BUCKET: "media" })
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    const ready = await fetch(`${url}/readyz`)
    expect(ready.status).toBe(503)
    const put = await fetch(`${url}/objects/x`, { method: "PUT", body: "x" })
    expect(put.status).toBe(502)
    expect(await put.json()).toMatchObject({ reason: "NoSuchBucket" })
  })
})

describe("sluice serve in front of several stores", () => {
  it("stores where the path says, in a folder too, and answers 400 to any other name", async () => {
    const store = await startS3({ buckets: ["media", "cold"] })
    onTestFinished(() => store.close())
    const archive = `archive=s3://cold/2026/?endpoint=${store.endpoint}&region=eu-north-1`
    const { child, ended, url } = await serve({ ...environmentOf(store), SLUICE_STORES: `media=s3://media ${archive}` })
    const put = (path: string) => fetch(`${url}${path}`, { method: "PUT", body: "hello" })
    expect((await put("/objects/a")).status).toBe(201)
    expect((await put("/stores/media/objects/b")).status).toBe(201)
    expect(await (await put("/stores/archive/objects/c")).json()).toMatchObject({ bucket: "cold", key: "c" })
    const there = await Promise.all(
      [
        ["media", "a"],
        ["media", "b"],
        ["cold", "2026/c"]
      ].map(async ([bucket = "", key = ""]) => (await store.object(bucket, key)) !== undefined)
    )
    expect(there).toEqual([true, true, true])
    expect(await (await fetch(`${url}/stores/archive/objects/c`)).text()).toBe("hello")
    const other = await put("/stores/other/objects/a")
    expect([other.status, await other.json()]).toMatchObject([400, { detail: expect.stringContaining('"archive"') }])
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect((await fetch(`${url}/`)).status).toBe(200)
    child.kill("SIGTERM")
    const { code, out } = await ended
    expect([code, out]).toEqual([0, expect.stringContaining("archive: s3://cold/2026/ at")])
  })

  it("is not ready while one of them is not", async () => {
    const store = await startS3({ buckets: ["media"] })
    onTestFinished(() => store.close())
    const { url } = await serve({ ...environmentOf(store), SLUICE_STORES: "media=s3://media,archive=s3://missing" })
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
    expect((await fetch(`${url}/stores/media/objects/a`, { method: "PUT", body: "x" })).status).toBe(201)
  })
})

describe("sluice describe", () => {
  it("tells what the environment makes, and no secret of it", async () => {
    const secrets = {
      AWS_ACCESS_KEY_ID: randomBytes(10).toString("hex"),
      AWS_SECRET_ACCESS_KEY: randomBytes(20).toString("hex"),
      SLUICE_TOKEN: randomBytes(16).toString("hex")
    }
    const env = { ...secrets, SLUICE_STORES: "media=s3://media", SLUICE_CONCURRENCY: "8" }
    const { code, err, out } = await run(["describe", "--json", "--sse"], { env })
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      stores: [{ name: "media", bucket: "media" }],
      credentials: "environment",
      server: { token: "set" },
      plugins: { plugins: [{ name: "sluice/encryption/sse-s3" }, { name: "sluice/cli" }] },
      options: { concurrency: { value: 8, variable: "SLUICE_CONCURRENCY", set: true } }
    })
    for (const secret of Object.values(secrets)) expect(out + err).not.toContain(secret)
    expect((await run(["describe"], { env: { ...env, SLUICE_CONCURRENCY: "0" } })).code).toBe(2)
  })
})

describe("a start that cannot work", () => {
  it("reports five bad variables in five lines", async () => {
    const { code, lines } = await run(["serve"], {
      env: {
        SLUICE_HTTP_PORT: "x",
        SLUICE_PART_SIZE: "1MiB",
        SLUICE_CONCURRENCY: "0",
        SLUICE_TOKEN: "short-secret",
        AWS_ENDPOINT_URL_S3: "nowhere"
      }
    })
    expect(code).toBe(2)
    expect(lines).toHaveLength(5)
    expect(lines.join("\n")).not.toContain("short-secret")
  })

  it("refuses to be open to the network without a token", async () => {
    const { code, lines } = await run(["serve"], { env: { SLUICE_HTTP_HOST: "0.0.0.0" } })
    expect([code, lines.length]).toEqual([2, 1])
    expect(lines[0]).toContain("SLUICE_TOKEN")
  })

  it("wants a bucket where an endpoint is named", async () => {
    const { code, lines } = await run(["serve"], { env: { AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9" } })
    expect([code, lines.length]).toEqual([2, 1])
    expect(lines[0]).toContain("SLUICE_BUCKET")
  })

  it("wants a bucket among the stores that have names", async () => {
    const env = { SLUICE_BUCKET: "media", SLUICE_STORES: "archive=s3://cold" }
    const { code, lines } = await run(["serve"], { env })
    expect([code, lines.length]).toEqual([2, 1])
    expect(lines[0]).toContain("SLUICE_STORES")
  })

  it("says in one line that its port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1")
    await once(other, "listening")
    onTestFinished(() => void other.close())
    const address = other.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    const { code, lines } = await start(["serve"], {
      env: { SLUICE_HTTP_PORT: String(port), SLUICE_BUCKET: "media", AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9" }
    }).ended
    expect([code, lines.length]).toEqual([1, 1])
    expect(lines[0]).toMatch(/port \d+ on 127\.0\.0\.1 is in use; set SLUICE_HTTP_PORT/)
  })
})
