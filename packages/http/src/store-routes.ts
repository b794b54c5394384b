/**
 * The upload routes in front of several stores, of which each request chooses one by its path.
 *
 * @module
 */
import type { Stores } from "@sluice/core/stores"
import { invalidRequest } from "@sluice/core/UploadError"
import { Hono } from "hono"
import { answer } from "./answer.ts"
import { problem } from "./problem.ts"
import { type RouteOptions, sluiceRoutes } from "./sluice-routes.ts"

/**
 * `/stores/:store/objects/:name` for each of them, and `/objects/:name` for the first. 400 for a name that is none of
 * theirs, with those that are. `authorize` sees the path, and so who may use which.
 *
 * ```ts
 * import { s3 } from "@sluice/core/promise"
 * import { createStores } from "@sluice/core/stores"
 * import { storeRoutes } from "@sluice/http"
 *
 * const stores = createStores({
 *   media: s3({ bucket: "media", region: "eu-west-1" }),
 *   archive: s3({ bucket: "cold", region: "eu-north-1" })
 * })
 * export default storeRoutes(stores, { authorize: "public" })
 * ```
 */
export const storeRoutes = <Name extends string>(
  { at, names }: Pick<Stores<Name>, "at" | "names">,
  options: RouteOptions
): Hono => {
  const [first] = names
  if (first === undefined) throw invalidRequest("no store is named; give one at least")
  const app = new Hono().route("/", sluiceRoutes(at(first), options))
  for (const name of names) app.route(`/stores/${name}`, sluiceRoutes(at(name), options))
  return app.all("/stores/:store/:rest{.+}", (c) =>
    answer(options, c.req.raw, () => {
      const store = c.req.param("store")
      if (names.some((name) => name === store)) return c.notFound()
      return problem({
        status: 400,
        reason: "UnknownStore",
        title: "No such store",
        detail: `there is no store "${store}"; there are ${names.map((name) => `"${name}"`).join(", ")}`
      })
    })
  )
}
