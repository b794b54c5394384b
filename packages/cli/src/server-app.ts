/**
 * Everything that `sluice serve` answers to.
 *
 * @module
 */
import type { Stores } from "@sluice/core/stores"
import { guard, opsRoutes, pageRoutes, problem, storeRoutes, tokenAccess } from "@sluice/http"
import * as Redacted from "effect/Redacted"
import { Hono } from "hono"
import type { HttpConfig } from "./Config.ts"

/**
 * The page, the routes and the probes behind the guard. Without a token only this machine's own names are answered;
 * with one, any name is, since every request must show it.
 */
export const serverApp = (
  stores: Stores<string>,
  { token }: Pick<HttpConfig, "token">,
  log: (line: string) => void
): Hono => {
  const access = token === undefined ? undefined : tokenAccess(Redacted.value(token))
  const onError = (error: unknown, request: Request): void =>
    log(`${request.method} ${new URL(request.url).pathname}: ${error instanceof Error ? error.message : String(error)}`)
  const app = new Hono()
    .use(guard(access === undefined ? {} : { hosts: "any" }))
    .route("/", pageRoutes())
    .route("/", opsRoutes({ ready: () => allReady(stores) }, { onError }))
    .route("/", storeRoutes(stores, { authorize: access?.authorize ?? "public", onError }))
  if (access !== undefined) app.route("/", access.routes)
  return app
    .notFound(() =>
      problem({
        status: 404,
        reason: "NoSuchRoute",
        title: "Nothing here",
        detail: "objects are under /objects/, the page is at /"
      })
    )
    .onError((error, c) => {
      onError(error, c.req.raw)
      return problem({
        status: 500,
        reason: "InternalError",
        title: "Internal error",
        detail: "the server's log says more"
      })
    })
}

/** Rejects with what is wrong with the first that cannot be used. */
export const allReady = async ({ at, names }: Pick<Stores<string>, "at" | "names">): Promise<void> => {
  await Promise.all(names.map((name) => at(name).ready()))
}
