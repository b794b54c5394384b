/**
 * The upload routes, ready to be mounted in any Hono app on any runtime.
 *
 * @module
 */
import type { Sluice } from "@sluice/core/promise"
import { Hono } from "hono"
import { adviceRoutes } from "./advice-routes.ts"
import type { Authorize } from "./authorize.ts"
import { directRoutes } from "./direct/direct-routes.ts"

export interface RouteOptions {
  /** Who may do what; `"public"` must be typed. */
  readonly authorize: Authorize
  /** Told of every failure that is the server's own (5xx), with what the client does not get to see. */
  readonly onError?: ((error: unknown, request: Request) => void) | undefined
}

/**
 * `PUT`, `GET`, `HEAD` and `DELETE /objects/:name`; `GET /advice?size=`.
 *
 * ```ts
 * import { createSluice, s3 } from "@sluice/core/promise"
 * import { sluiceRoutes } from "@sluice/http"
 * import { Hono } from "hono"
 *
 * const sluice = createSluice({ store: s3({ bucket: "media", region: "eu-west-1" }) })
 * const authorize = (request: Request) => {
 *   const user = request.headers.get("x-user")
 *   return user === null ? null : { prefix: `users/${user}` }
 * }
 * export default new Hono().route("/uploads", sluiceRoutes(sluice, { authorize }))
 * ```
 */
export const sluiceRoutes = (sluice: Sluice, options: RouteOptions): Hono =>
  new Hono().route("/", directRoutes(sluice, options)).route("/", adviceRoutes(sluice, options))
