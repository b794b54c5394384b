import * as Result from "effect/Result"
import { expect, it } from "vitest"
import { advise } from "./Advice.ts"
import { GiB, KiB, MiB, profiles, TiB } from "./Limits.ts"

const advised = (...args: Parameters<typeof advise>) => Result.getOrThrow(advise(...args))

it("a small object is one PUT", () => {
  expect(advised({ size: 10 * KiB }, profiles.aws)).toMatchObject({ mode: "single", parts: 1, writeRequests: 1 })
  expect(advised({ size: 0 }, profiles.aws)).toMatchObject({ mode: "single", memory: 0 })
})

it("parts are as large as the engine makes them, and memory is the formula's", () => {
  expect(advised({ size: 50 * GiB }, profiles.aws)).toEqual({
    mode: "multipart",
    partSize: 8 * MiB,
    minPartSize: 6 * MiB,
    maxPartSize: 5 * GiB,
    parts: 6_400,
    maxParts: 10_000,
    memory: 40 * MiB,
    twoPasses: false,
    writeRequests: 6_402
  })
  expect(advised({ size: 20 * MiB, concurrency: 64 }, profiles.aws)).toMatchObject({ parts: 3, memory: 24 * MiB })
})

it("parts grow where 10,000 would not do, and are read twice where memory does not hold them", () => {
  const { parts, partSize, twoPasses, memory } = advised({ size: 5 * TiB }, profiles.aws)
  expect(partSize).toBe(525 * MiB)
  expect(parts).toBeLessThanOrEqual(10_000)
  expect([twoPasses, memory]).toEqual([true, 256 * MiB])
})

it("what a store does not take is refused", () => {
  expect(Result.isFailure(advise({ size: 6 * TiB }, profiles.minio))).toBe(true)
  expect(Result.isFailure(advise({ size: 1, partSize: MiB }, profiles.aws))).toBe(true)
})
