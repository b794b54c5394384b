/**
 * The direct group: whole objects by name.
 *
 * @module
 */

import type { Sluice } from "@sluice/core/promise"
import { invalidRequest, isUploadError } from "@sluice/core/UploadError"
import { type Context, Hono } from "hono"
import { routePath } from "hono/route"
import { answer } from "../answer.ts"
import type { Grant } from "../authorize.ts"
import { isAborted } from "../error-response.ts"
import { isWellEncoded, keyOf, objectName } from "../object-name.ts"
import type { RouteOptions } from "../sluice-routes.ts"
import type { Direct } from "./Direct.ts"
import { remove } from "./delete.ts"
import { get } from "./get.ts"
import { put } from "./put.ts"

const path = "/objects/:name{[\\s\\S]+}"

/** `PUT`, `GET`, `HEAD` (Hono runs GET's handler for it) and `DELETE` under `/objects/`. */
export const directRoutes = (sluice: Sluice, options: RouteOptions): Hono => {
  const serve = (verb: (direct: Direct) => Promise<Response>) => (c: Context) => {
    const request = c.req.raw
    const decoded = c.req.param("name") ?? ""
    const handle = async (grant: Grant): Promise<Response> => {
      const name = isWellEncoded(request.url)
        ? objectName(decoded)
        : invalidRequest("the URL is not valid UTF-8; encode it again")
      if (isUploadError(name)) throw name
      const mount = routePath(c)
      return await verb({
        sluice,
        request,
        signal: signalOf(request),
        grant,
        name,
        key: keyOf(grant.prefix, name),
        base: mount.slice(0, mount.lastIndexOf("/:name") + 1),
        onBroken: (error) => {
          if (!isAborted(error)) options.onError?.(error, request)
        }
      })
    }
    return answer(options, request, handle, decoded)
  }
  return new Hono().put(path, serve(put)).get(path, serve(get)).delete(path, serve(remove))
}

/** Deno also aborts the signal of a request that it has answered; there the failing body has to do. */
const signalOf = (request: Request): AbortSignal | undefined => ("Deno" in globalThis ? undefined : request.signal)
