import { uploadError } from "@sluice/core/UploadError"
import { expect, it } from "vitest"
import { memorySluice } from "../test/memory-sluice.ts"
import { opsRoutes } from "./ops-routes.ts"

it("says healthy while the process lives, ready while the store answers", async () => {
  const sluice = memorySluice()
  const app = opsRoutes(sluice)
  sluice.fail = uploadError({ _tag: "NoSuchBucket" })
  expect((await app.request("/healthz")).status).toBe(200)
  const response = await app.request("/readyz")
  expect(response.status).toBe(503)
  expect(response.headers.get("content-type")).toBe("application/problem+json")
  expect(await response.json()).toMatchObject({ status: 503, reason: "NoSuchBucket", retryable: true })
})

it("asks the store once in a while, however many ask", async () => {
  const sluice = memorySluice()
  let time = 0
  const app = opsRoutes(sluice, { cacheMs: 3_000, now: () => time })
  await Promise.all([app.request("/readyz"), app.request("/readyz"), app.request("/readyz")])
  expect(sluice.asked).toBe(1)
  time = 3_001
  expect((await app.request("/readyz")).status).toBe(200)
  expect(sluice.asked).toBe(2)
})
