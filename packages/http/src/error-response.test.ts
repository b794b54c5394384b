import { defaultRetry, reject, uploadError } from "@sluice/core/UploadError"
import { expect, it } from "vitest"
import { problemOf, statuses } from "./error-response.ts"

it("knows every reason of the engine", () => {
  expect(Object.keys(statuses).sort()).toEqual(Object.keys(defaultRetry).sort())
  for (const { status, title } of Object.values(statuses)) {
    expect(status).toBeGreaterThanOrEqual(400)
    expect(title).not.toBe("")
  }
})

it("tells what is the client's affair and keeps what is the server's", () => {
  expect(problemOf(uploadError({ _tag: "SizeMismatch", declared: 5, actual: 4 })).detail).toContain("4 bytes")
  const cause = new Error("password=hunter2")
  for (const error of [
    cause,
    uploadError({ _tag: "PluginFailed", plugin: "acme/x", hook: "plan", cause }),
    uploadError({ _tag: "JournalFailed", message: "postgres://me:hunter2@db", cause }),
    uploadError({ _tag: "UnknownStoreError", code: "X", status: 418, message: "hunter2" }),
    uploadError({ _tag: "Unavailable", message: "connect ECONNREFUSED 10.1.2.3 hunter2" })
  ]) {
    expect(JSON.stringify(problemOf(error))).not.toMatch(/hunter2|10\.1\.2\.3/)
  }
})

it("lets a plugin choose a client error, never another status", () => {
  expect(problemOf(reject("no", { status: 422 })).status).toBe(422)
  expect(problemOf(reject("no", { status: 200 })).status).toBe(403)
})

it("asks to come back when the queue is full, and names no time for a quota", () => {
  const full = { _tag: "Rejected", status: 429, message: "256 uploads run and 10000 wait; try again later" } as const
  expect(problemOf(uploadError(full, { retry: "temporary" }))).toMatchObject({
    status: 429,
    retryable: true,
    headers: { "Retry-After": "5" }
  })
  expect(problemOf(reject("your quota is spent", { status: 429 }))).toMatchObject({ retryable: false, headers: {} })
})
