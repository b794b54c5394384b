import { isUploadError } from "@sluice/core/UploadError"
import { Hono } from "hono"
import { describe, expect, it } from "vitest"
import { memorySluice } from "../test/memory-sluice.ts"
import type { Authorize } from "./authorize.ts"
import { storeRoutes } from "./store-routes.ts"

const setup = (authorize: Authorize = "public") => {
  const engines = { media: memorySluice("media"), archive: memorySluice("cold") }
  const names = ["media", "archive"] as const
  const at = (name: string) => (name === "archive" ? engines.archive : engines.media)
  const app = new Hono().route("/api", storeRoutes({ at, names }, { authorize }))
  const put = (path: string) => app.request(path, { method: "PUT", body: "x", headers: { "x-user": "ann" } })
  return { app, put, ...engines }
}

describe("several stores", () => {
  it("are chosen by the path; without a name it is the first", async () => {
    const { app, archive, media, put } = setup()
    for (const [path, bucket] of [
      ["/api/objects/a", "media"],
      ["/api/stores/media/objects/b", "media"],
      ["/api/stores/archive/objects/c/d", "cold"]
    ] as const) {
      const response = await put(path)
      expect([response.status, response.headers.get("location")]).toEqual([201, path])
      expect(await response.json()).toMatchObject({ bucket })
      expect(await (await app.request(path)).text()).toBe("x")
    }
    expect([[...media.objects.keys()], [...archive.objects.keys()]]).toEqual([["a", "b"], ["c/d"]])
    expect((await app.request("/api/stores/archive/objects/a")).status).toBe(404)
  })

  it.each(["other", "toString", "ARCHIVE"])("are an allow-list: %s is 400 with the names that are", async (name) => {
    const { archive, media, put } = setup()
    const response = await put(`/api/stores/${name}/objects/a`)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      reason: "UnknownStore",
      detail: `there is no store "${name}"; there are "media", "archive"`
    })
    expect(media.objects.size + archive.objects.size).toBe(0)
  })

  it("are open to whom `authorize` lets in, which sees the path; nobody else learns their names", async () => {
    const { app, put } = setup((request) =>
      request.headers.has("x-user") && !request.url.includes("/stores/archive/") ? {} : null
    )
    expect((await put("/api/stores/media/objects/a")).status).toBe(201)
    expect((await put("/api/stores/archive/objects/a")).status).toBe(401)
    const stranger = await app.request("/api/stores/other/objects/a")
    expect([stranger.status, await stranger.text()]).toEqual([401, expect.not.stringContaining("archive")])
  })

  it("are one at least", () => {
    const none = () => storeRoutes({ at: () => memorySluice(), names: [] }, { authorize: "public" })
    expect(none).toThrow(expect.toSatisfy(isUploadError))
  })
})
