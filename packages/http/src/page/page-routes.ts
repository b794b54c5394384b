/**
 * The page: drop files, watch them go, download them again.
 *
 * @module
 */
import { Hono } from "hono"
import { html, scriptHash, styleHash } from "./document.ts"

/** Nothing but the page's own style and script, and requests to this server. */
const policy = [
  "default-src 'none'",
  `script-src '${scriptHash}'`,
  `style-src '${styleHash}'`,
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'"
].join("; ")

/** `GET /`: one document that works with `sluiceRoutes` and `tokenAccess` mounted beside it. */
export const pageRoutes = (): Hono =>
  new Hono().get("/", (c) =>
    c.html(html, 200, {
      "Cache-Control": "no-cache",
      "Content-Security-Policy": policy,
      "Cross-Origin-Opener-Policy": "same-origin",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff"
    })
  )
