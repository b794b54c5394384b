import { Hono } from "hono"
import { describe, expect, it } from "vitest"
import { memorySluice } from "../test/memory-sluice.ts"
import { sluiceRoutes } from "./sluice-routes.ts"
import { tokenAccess } from "./token-access.ts"

const token = "correct-horse-battery"

const setup = () => {
  const { authorize, routes } = tokenAccess(token)
  return new Hono().route("/", routes).route("/", sluiceRoutes(memorySluice(), { authorize }))
}

const put = async (app: Hono, headers: Record<string, string>) =>
  (await app.request("/objects/x", { method: "PUT", body: "x", headers })).status

const login = (app: Hono, body: string, headers: Record<string, string> = {}) =>
  app.request("/login", { method: "POST", body, headers: { "Content-Length": String(body.length), ...headers } })

describe("tokenAccess", () => {
  it("lets the bearer in and nobody else", async () => {
    const app = setup()
    expect(await put(app, { authorization: `Bearer ${token}` })).toBe(201)
    expect(await put(app, { authorization: `bearer ${token}` })).toBe(201)
    expect(await put(app, { authorization: `Bearer ${token}x` })).toBe(401)
    expect(await put(app, { authorization: `Basic ${token}` })).toBe(401)
    expect(await put(app, {})).toBe(401)
  })

  it("gives the page a cookie that opens what the token opens and does not hold it", async () => {
    const app = setup()
    const response = await login(app, token)
    expect(response.status).toBe(204)
    const cookie = response.headers.get("set-cookie") ?? ""
    expect(cookie).toMatch(/^sluice=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Strict$/)
    expect(await put(app, { cookie: cookie.split(";")[0] ?? "" })).toBe(201)
    expect(await put(app, { cookie: "sluice=00" })).toBe(401)
    expect(await put(app, { cookie: `sluice=${token}` })).toBe(401)
  })

  it("marks the cookie Secure where the page came over TLS", async () => {
    const response = await login(setup(), token, { origin: "https://files.example" })
    expect(response.headers.get("set-cookie")).toContain("; Secure")
  })

  it("gives no cookie for another token, nor reads an endless one", async () => {
    expect((await login(setup(), "wrong")).status).toBe(401)
    expect((await login(setup(), "x".repeat(5_000))).status).toBe(401)
    expect((await login(setup(), token, { "Content-Length": "?" })).status).toBe(401)
  })
})
