import { inspect } from "node:util"
import { expect, it } from "vitest"
import { safeCause } from "./safe-cause.ts"

const token = "FwoGZXIvYXdzEBYaDKq5b7ExampleExampleExample=="

it("keeps what helps: name, code, words, stack and what caused it", () => {
  const inner = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:9"), { code: "ECONNREFUSED" })
  const safe = safeCause(new TypeError("fetch failed", { cause: inner }))
  expect(safe).toMatchObject({
    name: "TypeError",
    message: "fetch failed",
    cause: { code: "ECONNREFUSED", message: inner.message }
  })
  expect(safe?.stack).toMatch(/^TypeError: fetch failed\n\s+at .*safe-cause\.test/)
})

it("drops what the store repeats of a signed request", () => {
  const thrown = Object.assign(new Error(`no match for x-amz-security-token:${token}`), {
    CanonicalRequest: `PUT\nx-amz-security-token:${token}`,
    SignatureProvided: "f".repeat(64)
  })
  const shown = inspect(safeCause(thrown), { showHidden: true })
  expect(shown).not.toContain(token)
  expect(shown).not.toContain("f".repeat(64))
})

it("ends at causes that go in circles", () => {
  const circle = new Error("round")
  circle.cause = circle
  expect(safeCause(circle)).toMatchObject({ message: "round", cause: { message: "round" } })
})

it("is nothing for what is no error", () => {
  expect(safeCause("text")).toBeUndefined()
})
