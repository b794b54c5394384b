import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Capabilities, GiB, KiB, MiB, profiles, TiB } from "./Limits.ts"
import type { UploadError } from "./UploadError.ts"
import {
  layoutCapacity,
  type PartLayout,
  type PlanInput,
  partAt,
  partCount,
  plan,
  recheck,
  type UploadPlan
} from "./UploadPlan.ts"

const base: PlanInput = {
  key: "talks/intro.mp4",
  size: undefined,
  partSize: 8 * MiB,
  multipartThreshold: 8 * MiB,
  multipart: "auto",
  maxPartInMemory: 5 * GiB,
  attributes: {},
  condition: {},
  replayable: true
}

const planOf = (input: Partial<PlanInput>, store: Capabilities = profiles.aws): UploadPlan =>
  Result.getOrThrow(plan({ ...base, ...input }, store))
const refusal = (input: Partial<PlanInput>, store: Capabilities = profiles.aws): UploadError =>
  Result.getOrThrow(Result.flip(plan({ ...base, ...input }, store)))

const stores = fc.constantFrom(...Object.values(profiles))
/** Sizes spread over their logarithm, and those around every power of two. */
const size = (max: number): fc.Arbitrary<number> =>
  fc
    .oneof(
      fc.double({ min: 0, max: Math.log2(max + 1), noNaN: true }).map((exponent) => Math.floor(2 ** exponent) - 1),
      fc.tuple(fc.integer({ min: 0, max: 45 }), fc.integer({ min: -2, max: 2 })).map(([n, d]) => 2 ** n + d)
    )
    .map((bytes) => Math.min(max, Math.max(0, bytes)))
const partSize = fc.oneof(
  fc.constantFrom(5 * MiB, 8 * MiB, 64 * MiB, 5 * GiB),
  fc.integer({ min: 5 * MiB, max: 256 * MiB })
)

/** Sizes of the parts of an object, without a list of ten thousand: number, size of the last, smallest of the others. */
const divide = (layout: PartLayout, bytes: number) => {
  const count = partCount(layout, bytes)
  const last = partAt(layout, count)
  return { count, last: bytes - last.offset, room: last.size }
}

describe("the parts of an object of known size", () => {
  it("cover it exactly, in at most 10,000 parts of 5 MiB to 5 GiB, whatever the size and the store [row 54]", () => {
    fc.assert(
      fc.property(
        stores.chain((store) => fc.tuple(fc.constant(store), size(store.limits.maxObjectSize))),
        partSize,
        ([store, bytes], wanted) => {
          const { layout, mode } = planOf({ size: bytes, partSize: wanted, multipartThreshold: wanted }, store)
          const { count, last, room } = divide(layout, bytes)
          expect(count).toBeLessThanOrEqual(store.limits.maxParts)
          expect(layout.partSize).toBeGreaterThanOrEqual(store.limits.minPartSize)
          expect(layout.partSize).toBeLessThanOrEqual(store.limits.maxPartSize)
          expect(Number.isSafeInteger(layout.partSize)).toBe(true)
          // The last part is within its room, and not empty unless the object is.
          expect(last).toBeLessThanOrEqual(room)
          if (bytes > 0) expect(last).toBeGreaterThan(0)
          // All but the last have one size, which R2 demands and resume wants.
          expect(layout._tag).toBe("Uniform")
          expect(mode).toBe(
            bytes === 0 || (bytes < wanted && bytes <= store.limits.maxPutSize) ? "single" : "multipart"
          )
        }
      )
    )
  })

  it("reach the largest object of every store", () => {
    for (const store of Object.values(profiles)) {
      const bytes = store.limits.maxObjectSize
      const { layout } = planOf({ size: bytes }, store)
      expect(layoutCapacity(layout, store.limits.maxParts)).toBeGreaterThanOrEqual(bytes)
      expect(refusal({ size: bytes + 1 }, store).reason._tag).toBe("TooLarge")
    }
    expect(planOf({ size: 10_000 * 5 * GiB }).layout.partSize).toBe(5 * GiB)
  })

  it("are larger than asked for only where 10,000 would not do", () => {
    expect(planOf({ size: 10_000 * 8 * MiB }).layout.partSize).toBe(8 * MiB)
    expect(planOf({ size: 10_000 * 8 * MiB + 1 }).layout.partSize).toBe(9 * MiB)
  })
})

describe("a layout", () => {
  const doubling = fc
    .tuple(fc.integer({ min: 5, max: 64 }), fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 0, max: 8 }))
    .map(
      ([mib, every, doublings]): PartLayout => ({
        _tag: "Doubling",
        partSize: mib * MiB,
        every,
        maxPartSize: mib * MiB * 2 ** doublings
      })
    )
  const uniform = fc
    .integer({ min: 5 * MiB, max: 5 * GiB })
    .map((partSize): PartLayout => ({ _tag: "Uniform", partSize }))
  const layouts = fc.oneof(doubling, uniform)
  /** Numbers of parts that the layout's largest part size allows. */
  const lastNumber = (layout: PartLayout): number =>
    layout._tag === "Uniform"
      ? 10_000
      : Math.min(10_000, layout.every * (1 + Math.log2(layout.maxPartSize / layout.partSize)))

  it("starts each part where the one before it ends", () => {
    fc.assert(
      fc.property(layouts, fc.nat(9_998), (layout, seed) => {
        const n = (seed % lastNumber(layout)) + 1
        const here = partAt(layout, n)
        expect(partAt(layout, n + 1).offset).toBe(here.offset + here.size)
        expect(partAt(layout, 1).offset).toBe(0)
      })
    )
  })

  it("counts the parts so that the last one holds the last byte", () => {
    fc.assert(
      fc.property(layouts, fc.double({ min: 0, max: 1, noNaN: true }), (layout, fraction) => {
        const capacity = layoutCapacity(layout, 10_000)
        for (const bytes of [1, Math.max(1, Math.floor(capacity * fraction)), capacity]) {
          const last = partAt(layout, partCount(layout, bytes))
          expect(last.offset).toBeLessThan(bytes)
          expect(last.offset + last.size).toBeGreaterThanOrEqual(bytes)
        }
        expect(partCount(layout, 0)).toBe(1)
      })
    )
  })

  it("holds what its parts hold together", () => {
    fc.assert(
      fc.property(layouts, (layout) => {
        const last = partAt(layout, lastNumber(layout))
        expect(layoutCapacity(layout, 10_000)).toBe(last.offset + last.size)
      })
    )
  })

  it("of a stream of unknown length doubles where the store allows unequal parts, and is uniform elsewhere", () => {
    expect(planOf({ size: undefined, maxPartInMemory: 128 * MiB }).layout).toEqual({
      _tag: "Doubling",
      partSize: 8 * MiB,
      every: 1_000,
      maxPartSize: 128 * MiB
    })
    expect(planOf({ size: undefined }, profiles.r2).layout).toEqual({ _tag: "Uniform", partSize: 8 * MiB })
    expect(planOf({ size: undefined, maxSize: 5 * TiB }).layout).toEqual({ _tag: "Uniform", partSize: 525 * MiB })
  })
})

describe("one PUT or parts", () => {
  it.each([
    [0, "single"],
    [8 * MiB - 1, "single"],
    [8 * MiB, "multipart"],
    [16 * MiB, "multipart"],
    [undefined, "either"]
  ])("%s bytes are %s", (size, mode) => expect(planOf({ size }).mode).toBe(mode))

  it("is the caller's choice", () => {
    expect(planOf({ size: 1, multipart: "always" }).mode).toBe("multipart")
    expect(planOf({ size: GiB, multipart: "never" }).mode).toBe("single")
    expect(refusal({ size: 5 * GiB + 1, multipart: "never" }).reason._tag).toBe("TooLarge")
  })

  it("is parts for what no PUT and no memory holds, however high the threshold", () => {
    expect(planOf({ size: 6 * GiB, multipartThreshold: 10 * GiB }).mode).toBe("multipart")
    expect(planOf({ size: 200 * MiB, multipartThreshold: GiB, maxPartInMemory: 128 * MiB }).mode).toBe("multipart")
  })

  it("never needs more memory than there is", () => {
    for (const input of [
      { size: 200 * MiB, multipart: "never" as const },
      { size: 10_000 * GiB, multipart: "auto" as const },
      { size: undefined, partSize: 256 * MiB }
    ]) {
      const { reason } = refusal({ ...input, maxPartInMemory: 128 * MiB })
      expect(reason).toMatchObject({ _tag: "TooLarge", message: expect.stringContaining("memoryBudget") })
    }
  })
})

describe("a plan is refused with what to do", () => {
  it.each<[string, Partial<PlanInput>, Capabilities, RegExp]>([
    ["a part size below 5 MiB", { partSize: 5 * MiB - 1 }, profiles.aws, /below the store's minimum/],
    ["a part size above 5 GiB", { partSize: 5 * GiB + 1 }, profiles.aws, /above the store's maximum/],
    ["a part size that is no number of bytes", { partSize: Number.NaN }, profiles.aws, /part size of NaN/],
    ["a size that is no number of bytes", { size: -1 }, profiles.aws, /size of -1 bytes makes no sense/],
    ["half a byte", { size: 0.5 }, profiles.aws, /makes no sense/],
    ["a maxSize that is no number of bytes", { maxSize: Number.NaN }, profiles.aws, /maxSize of NaN bytes/],
    ["a size above maxSize", { size: 2, maxSize: 1 }, profiles.aws, /above the maxSize/],
    ["no key", { key: "" }, profiles.aws, /key is empty/],
    ["a key of 1,025 bytes", { key: "\u00e9".repeat(513) }, profiles.aws, /1026 bytes/],
    ["a key with NUL", { key: "a\0b" }, profiles.aws, /NUL/],
    ["a key with half a character", { key: "a\ud800" }, profiles.aws, /lone surrogate/],
    ["a key that climbs", { key: "a/../b" }, profiles.aws, /\. or \.\. segment/],
    [
      "metadata above 2 KiB",
      { attributes: { metadata: { a: "x".repeat(2 * KiB) } } },
      profiles.aws,
      /metadata has 2049/
    ],
    ["a metadata name with a space", { attributes: { metadata: { "a b": "x" } } }, profiles.aws, /HTTP header/],
    ["metadata with a line break", { attributes: { metadata: { a: "x\r\ny: z" } } }, profiles.aws, /HTTP header/],
    ["metadata beyond ASCII", { attributes: { metadata: { a: "Z\u00fcrich" } } }, profiles.aws, /encodeURIComponent/],
    ["a header beyond ASCII", { attributes: { contentDisposition: "\u65e5" } }, profiles.aws, /filename\*=UTF-8/],
    ["a header with a line break", { attributes: { contentType: "a\nb" } }, profiles.aws, /contentType/],
    [
      "eleven tags",
      { attributes: { tags: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`t${i}`, ""])) } },
      profiles.aws,
      /11 tags/
    ],
    ["a condition the store ignores", { condition: { ifNoneMatch: "*" } }, profiles.b2, /does not honour/]
  ])("%s", (_, input, store, message) => {
    const error = refusal(input, store)
    expect(error.reason._tag).toBe("InvalidRequest")
    expect(error.message).toMatch(message)
  })

  it("but what is at the limit passes", () => {
    expect(planOf({ key: "\u00e9".repeat(512) }).key).toHaveLength(512)
    expect(planOf({ key: "a/..b/...", attributes: { metadata: { a: "x".repeat(2 * KiB - 1) } } }).mode).toBe("either")
    expect(planOf({ partSize: 5 * MiB }).layout.partSize).toBe(5 * MiB)
  })

  it("also after plugins have changed it", () => {
    const good = planOf({ size: 1 })
    expect(Result.isSuccess(recheck(good, profiles.aws, 28))).toBe(true)
    expect(Result.isFailure(recheck({ ...good, key: "../x" }, profiles.aws, 0))).toBe(true)
    const above = recheck(planOf({ partSize: 5 * GiB }), profiles.aws, 1, ["acme/seal"])
    expect(Result.isFailure(above) && above.failure.message).toContain('as plugin "acme/seal" makes them')
  })
})

it("the checksum is what the store's profile takes", () => {
  const checksums = Object.values(profiles).map((store) => [store.provider, planOf({ size: 1 }, store).checksum])
  expect(Object.fromEntries(checksums)).toMatchObject({ aws: "FULL_OBJECT", r2: "COMPOSITE", b2: "none", gcs: "none" })
})

it("only a source that can be read again makes a resumable plan", () => {
  expect(planOf({ replayable: true }).resumable).toBe(true)
  expect(planOf({ replayable: false }).resumable).toBe(false)
})
