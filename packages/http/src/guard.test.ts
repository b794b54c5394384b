import { Hono } from "hono"
import { describe, expect, it } from "vitest"
import { guard, isLoopback } from "./guard.ts"

const app = (options = {}) =>
  new Hono()
    .use(guard(options))
    .get("/", (c) => c.text("ok"))
    .put("/", (c) => c.text("ok"))

const status = async (method: string, headers: Record<string, string>, options = {}) =>
  (await app(options).request("http://127.0.0.1:3000/", { method, headers })).status

describe("guard", () => {
  it.each(["localhost", "127.0.0.1", "127.8.9.10", "[::1]", "app.localhost"])("knows %s as loopback", (name) => {
    expect(isLoopback(name)).toBe(true)
  })

  it.each(["127.0.0.1.evil.test", "localhost.evil.test", "evil-localhost", "[::2]", "128.0.0.1", ""])(
    "does not take %s for loopback",
    (name) => {
      expect(isLoopback(name)).toBe(false)
    }
  )

  it("refuses a host that was rebound to this machine", async () => {
    expect(await status("GET", { host: "evil.test:3000" })).toBe(403)
    expect(await status("GET", { host: "evil.test@127.0.0.1:x" })).toBe(403)
    expect(await status("GET", { host: "LOCALHOST:3000" })).toBe(200)
    expect(await status("GET", { host: "files.example" }, { hosts: ["files.example"] })).toBe(200)
    expect(await status("GET", { host: "evil.test" }, { hosts: "any" })).toBe(200)
  })

  it("refuses a write that another origin's page sends", async () => {
    const host = "127.0.0.1:3000"
    expect(await status("PUT", { host, origin: "http://127.0.0.1:3000" })).toBe(200)
    expect(await status("PUT", { host })).toBe(200)
    expect(await status("PUT", { host, origin: "http://127.0.0.1:3001" })).toBe(403)
    expect(await status("PUT", { host, origin: "https://evil.test" })).toBe(403)
    expect(await status("PUT", { host, origin: "null" })).toBe(403)
    expect(await status("PUT", { host, "sec-fetch-site": "cross-site" })).toBe(403)
    expect(await status("GET", { host, origin: "https://evil.test" })).toBe(200)
  })

  it("says what is wrong as a problem", async () => {
    const response = await app().request("http://evil.test/")
    expect(response.headers.get("content-type")).toBe("application/problem+json")
    expect(await response.json()).toMatchObject({ reason: "HostNotAllowed", status: 403 })
  })
})
