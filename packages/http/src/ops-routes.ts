/**
 * For load balancers and orchestrators: is the process alive, and can it reach its store?
 *
 * @module
 */
import type { Sluice } from "@sluice/core/promise"
import { Hono } from "hono"
import { problemOf } from "./error-response.ts"
import { problem } from "./problem.ts"

export interface OpsOptions {
  /** How long an answer of the store is repeated, in milliseconds. Default 3,000. */
  readonly cacheMs?: number | undefined
  /** Milliseconds on a clock that never goes back. */
  readonly now?: (() => number) | undefined
  readonly onError?: ((error: unknown, request: Request) => void) | undefined
}

/** `/healthz`: 200 while the process lives. `/readyz`: 200 when the store can be used, else 503 problem+json. */
export const opsRoutes = (
  sluice: Pick<Sluice, "ready">,
  { cacheMs = 3_000, now = () => performance.now(), onError }: OpsOptions = {}
): Hono => {
  let asked: { readonly at: number; readonly answer: Promise<void> } | undefined
  /** One question to the store for all who ask at the same time. */
  const ready = (): Promise<void> => {
    if (asked === undefined || now() - asked.at > cacheMs) asked = { at: now(), answer: sluice.ready() }
    return asked.answer
  }
  return new Hono()
    .get("/healthz", (c) => c.json({ status: "ok" }, 200, { "Cache-Control": "no-store" }))
    .get("/readyz", async (c) => {
      try {
        await ready()
        return c.json({ status: "ready" }, 200, { "Cache-Control": "no-store" })
      } catch (error) {
        onError?.(error, c.req.raw)
        const retry = { retryable: true, headers: { "Retry-After": "5" } }
        return problem({ ...problemOf(error), status: 503, title: "Not ready", ...retry })
      }
    })
}
