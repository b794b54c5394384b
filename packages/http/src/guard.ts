/**
 * Keeps other people's web pages away from a server that trusts whoever reaches it.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono"
import { problem } from "./problem.ts"

export interface GuardOptions {
  /** Hosts this server answers to, without port; loopback names always count. `"any"`: where tokens are asked for. */
  readonly hosts?: "any" | ReadonlyArray<string> | undefined
}

/**
 * Refuses with 403:
 *
 * - a `Host` that is neither loopback nor allowed: a page whose DNS name was rebound to this machine;
 * - a write whose `Origin` is another one: a page of another site that sends in the user's name.
 */
export const guard =
  ({ hosts = [] }: GuardOptions = {}): MiddlewareHandler =>
  async (c, next) => {
    const host = c.req.header("host") ?? new URL(c.req.url).host
    if (hosts !== "any" && !isAllowed(hostname(host), hosts)) {
      return problem({
        status: 403,
        reason: "HostNotAllowed",
        title: "Host not allowed",
        detail: "this server answers only to the names it was told; open it by one of them"
      })
    }
    if (!reads.has(c.req.method) && isForeign(c.req.raw.headers, host)) {
      return problem({
        status: 403,
        reason: "CrossOrigin",
        title: "Cross-origin write",
        detail: "a page of another origin may not write here"
      })
    }
    return next()
  }

const reads: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"])

/** Without the port; undefined for what is no host. */
const hostname = (host: string): string | undefined =>
  URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : undefined

/** 127.0.0.0/8, ::1 and `localhost` (RFC 6761 §6.3: it never leaves the machine). */
export const isLoopback = (name: string): boolean =>
  /^(localhost|([a-z0-9-]+\.)+localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(name)

const isAllowed = (name: string | undefined, hosts: ReadonlyArray<string>): boolean =>
  name !== undefined && (isLoopback(name) || hosts.some((allowed) => allowed.toLowerCase() === name))

/** Browsers put `Origin` on every write; programs need not. The scheme is left out: a proxy may end TLS. */
const isForeign = (headers: Headers, host: string): boolean => {
  const origin = headers.get("origin")
  if (origin !== null) return !URL.canParse(origin) || new URL(origin).host !== host.toLowerCase()
  return headers.get("sec-fetch-site") === "cross-site"
}
