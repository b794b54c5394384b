/**
 * How a client best cuts what it is about to send.
 *
 * @module
 */
import type { Sluice } from "@sluice/core/promise"
import { invalidRequest } from "@sluice/core/UploadError"
import { Hono } from "hono"
import { answer } from "./answer.ts"
import type { RouteOptions } from "./sluice-routes.ts"

/** `GET /advice?size=BYTES`: mode, part size and its bounds, number of parts and its bound, by the plan of the engine. */
export const adviceRoutes = (sluice: Pick<Sluice, "advise">, options: RouteOptions): Hono =>
  new Hono().get("/advice", (c) =>
    answer(options, c.req.raw, async () => {
      const asked = c.req.query("size") ?? ""
      if (!/^\d{1,15}$/.test(asked)) throw invalidRequest("name the bytes of the object, as in /advice?size=1048576")
      const size = Number(asked)
      const { maxPartSize, maxParts, minPartSize, mode, partSize, parts } = await sluice.advise({ size })
      const advice = { size, mode, partSize, minPartSize, maxPartSize, parts, maxParts }
      return c.json(advice, 200, { "Cache-Control": "no-store" })
    })
  )
