import { advise } from "@sluice/core/Advice"
import { GiB, MiB, profiles, TiB } from "@sluice/core/Limits"
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { adviceRoutes } from "./advice-routes.ts"
import type { Authorize } from "./authorize.ts"

const engine = {
  advise: async ({ size }: { readonly size: number }) => {
    const advised = advise({ size }, profiles.aws)
    if (Result.isFailure(advised)) throw advised.failure
    return advised.success
  }
}
const get = (size: string, authorize: Authorize = "public") =>
  adviceRoutes(engine, { authorize }).request(`/advice${size}`)

describe("GET /advice", () => {
  it("says how the engine would cut an object of that size", async () => {
    expect(await (await get(`?size=${50 * GiB}`)).json()).toEqual({
      size: 50 * GiB,
      mode: "multipart",
      partSize: 8 * MiB,
      minPartSize: 6 * MiB,
      maxPartSize: 5 * GiB,
      parts: 6_400,
      maxParts: 10_000
    })
    expect(await (await get("?size=0")).json()).toMatchObject({ mode: "single", parts: 1 })
  })

  it.each(["", "?size=", "?size=-1", "?size=1e9", "?size=9999999999999999"])("is 400 to %s", async (query) => {
    expect((await get(query)).status).toBe(400)
  })

  it("is 413 where the store takes no such object, and 401 to strangers", async () => {
    expect((await get(`?size=${60 * TiB}`)).status).toBe(413)
    expect((await get("?size=1", () => null)).status).toBe(401)
  })
})
