/**
 * One token for the whole server: as a bearer for programs, as a cookie for the page.
 *
 * @module
 */
import { Hono } from "hono"
import { setCookie } from "hono/cookie"
import { parse } from "hono/utils/cookie"
import { type Authorize, unauthenticated } from "./authorize.ts"

const cookieName = "sluice"

/** The longest login body that is read. */
const maxLoginBytes = 4_096

export interface TokenAccess {
  /** Grants the whole bucket to whoever shows the token or the cookie. */
  readonly authorize: Authorize
  /** `POST /login` with the token as its body: 204 and the cookie, or 401. */
  readonly routes: Hono
}

/**
 * The cookie is `HttpOnly` and `SameSite=Strict`, so that downloads by plain links work while no other site and no
 * script can use it; it holds a digest keyed by the token, never the token.
 */
export const tokenAccess = (token: string): TokenAccess => {
  const encoder = new TextEncoder()
  const key = crypto.subtle.importKey("raw", encoder.encode(token), { name: "HMAC", hash: "SHA-256" }, false, ["sign"])
  const digest = async (text: string): Promise<string> =>
    hex(await crypto.subtle.sign("HMAC", await key, encoder.encode(text)))
  const cookie = digest("sluice.page.v1")
  /** Compares digests, so that the time taken tells nothing of the secret. */
  const same = async (shown: string | undefined, secret: string): Promise<boolean> =>
    shown !== undefined && equal(await digest(shown), await digest(secret))

  const routes = new Hono().post("/login", async (c) => {
    const shown = Number(c.req.header("content-length") ?? Number.NaN) <= maxLoginBytes ? await c.req.text() : undefined
    if (!(await same(shown, token))) return unauthenticated()
    setCookie(c, cookieName, await cookie, {
      httpOnly: true,
      sameSite: "Strict",
      secure: (c.req.header("origin") ?? c.req.url).startsWith("https:"),
      path: "/"
    })
    return c.body(null, 204, { "Cache-Control": "no-store" })
  })
  return {
    authorize: async (request) => {
      const bearer = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1]
      if (await same(bearer, token)) return {}
      const shown = parse(request.headers.get("cookie") ?? "", cookieName)[cookieName]
      return (await same(shown, await cookie)) ? {} : null
    },
    routes
  }
}

const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("")

const equal = (a: string, b: string): boolean => {
  let different = a.length ^ b.length
  for (let i = 0; i < a.length; i++) different |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return different === 0
}
