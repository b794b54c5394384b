import type { LifecycleRule } from "@aws-sdk/client-s3"
import { describe, expect, it } from "vitest"
import { abortsAfterDays, lifecycleProblems, lifecycleRules, mergeLifecycle, tiers } from "./Lifecycle.ts"

describe("lifecycle rules", () => {
  it("end incomplete uploads after a week; all else is asked for", () => {
    expect(lifecycleRules()).toEqual([
      {
        ID: "sluice-abort-incomplete-uploads",
        Status: "Enabled",
        Filter: { Prefix: "" },
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 }
      }
    ])
    expect(lifecycleRules({ abortAfterDays: false })).toEqual([])
  })

  it("move objects to colder storage and let prefixes expire", () => {
    const rules = lifecycleRules({ ...tiers, prefix: "talks/", expire: [{ prefix: "tmp/", days: 1 }] })
    expect(rules.slice(1)).toEqual([
      {
        ID: "sluice-tiers",
        Status: "Enabled",
        Filter: { Prefix: "talks/" },
        Transitions: [
          { Days: 30, StorageClass: "STANDARD_IA" },
          { Days: 90, StorageClass: "GLACIER" }
        ]
      },
      { ID: "sluice-expire-tmp/", Status: "Enabled", Filter: { Prefix: "tmp/" }, Expiration: { Days: 1 } }
    ])
  })

  it("are refused where S3 would refuse them, or where everything would be deleted", () => {
    expect(lifecycleProblems({ abortAfterDays: 0, infrequentAccessAfterDays: 29, glacierAfterDays: 40 })).toHaveLength(
      3
    )
    expect(lifecycleProblems({ expire: [{ prefix: "", days: 1 }] })).toEqual([expect.stringContaining("every object")])
    expect(() => lifecycleRules({ expire: [{ prefix: "", days: 1 }] })).toThrow(RangeError)
  })
})

describe("rules of others", () => {
  const theirs: ReadonlyArray<LifecycleRule> = [
    { ID: "logs", Status: "Enabled", Filter: { Prefix: "logs/" }, Expiration: { Days: 30 } },
    { Status: "Disabled", Filter: { Prefix: "" }, Expiration: { Days: 365 } }
  ]

  it("stay as they are and where they are, whatever is added or replaced", () => {
    const first = mergeLifecycle(theirs, lifecycleRules())
    expect(first.rules.slice(0, 2)).toEqual(theirs)
    expect(first.changes.map(({ change }) => change)).toEqual(["added"])
    const second = mergeLifecycle(first.rules, lifecycleRules({ abortAfterDays: 3 }))
    expect(second.rules.slice(0, 2)).toEqual(theirs)
    expect(second.rules).toHaveLength(3)
    expect(second.changes.map(({ change }) => change)).toEqual(["replaced"])
  })

  it("do not make a rule new that stands already, in whatever order the store tells of it", () => {
    const [ours] = lifecycleRules()
    if (ours === undefined) throw new Error("no rule")
    const told = Object.fromEntries(Object.entries(ours).reverse())
    expect(mergeLifecycle([{ ...told, Status: ours.Status }], [ours]).changes).toMatchObject([{ change: "unchanged" }])
  })
})

it("what ends incomplete uploads of every key is told apart from what ends some", () => {
  const rule = (more: Partial<LifecycleRule>): LifecycleRule => ({
    Status: "Enabled",
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: 3 },
    ...more
  })
  expect(abortsAfterDays([rule({ Filter: { Prefix: "" } }), ...lifecycleRules()])).toBe(3)
  expect(abortsAfterDays([rule({ Prefix: "" })])).toBe(3)
  expect(abortsAfterDays([rule({ Filter: {} })])).toBe(3)
  expect(abortsAfterDays([rule({ Filter: { Prefix: "in/" } })])).toBeUndefined()
  expect(abortsAfterDays([rule({ Filter: { Prefix: "" }, Status: "Disabled" })])).toBeUndefined()
  expect(abortsAfterDays([])).toBeUndefined()
})
