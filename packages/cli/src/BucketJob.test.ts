import { expect, it } from "vitest"
import { readBucketJob } from "./BucketJob.ts"
import { UsageError } from "./Command.ts"

it("ends incomplete uploads after a week, moves and deletes nothing that it was not asked to, and writes only with --yes", () => {
  expect(readBucketJob(["lifecycle", "s3://media"], {})).toMatchObject({
    setting: "lifecycle",
    bucket: "media",
    dryRun: true,
    options: { prefix: undefined, expire: [] }
  })
  const options = readBucketJob(["lifecycle", "s3://media"], {}).options
  expect(Object.keys(options).sort()).toEqual(["expire", "prefix"])
  expect(readBucketJob(["lifecycle", "s3://media", "--yes"], {}).dryRun).toBe(false)
})

it("takes ages in whole days, and prefixes that expire", () => {
  const args = ["lifecycle", "s3://media", "--tiers", "--glacier-after", "120d", "--abort-after", "off"]
  expect(readBucketJob([...args, "--expire", "tmp/=7d", "--expire", "a=b=1"], {}).options).toEqual({
    abortAfterDays: false,
    infrequentAccessAfterDays: 30,
    glacierAfterDays: 120,
    prefix: undefined,
    expire: [
      { prefix: "tmp/", days: 7 },
      { prefix: "a=b", days: 1 }
    ]
  })
})

it.each([
  [["lifecycle", "s3://media", "--abort-after", "5h"], "whole days"],
  [["lifecycle", "s3://media", "--expire", "=7d"], "a prefix and days"],
  [
    ["lifecycle", "s3://media", "--infrequent-after", "7d"],
    "--infrequent-after must be a whole number of days from 30 on"
  ],
  [["lifecycle", "s3://media", "--abort-after", "off"], "leaves no rule to write"],
  [["lifecycle", "s3://media/key"], "the bucket alone"],
  [["lifecycle", "s3://media", "--yes", "--dry-run"], "opposite"],
  [["lifecycle", "s3://media", "--origin", "https://a.example"], "belongs to cors"],
  [["cors", "s3://media"], "name an origin"],
  [["cors", "s3://media", "--origin", "app.example.com/path"], "no origin"],
  [["cors", "s3://media", "--origin", "*", "--expire", "tmp/=1d"], "belong to lifecycle"],
  [["policy", "s3://media"], "lifecycle or cors"]
])("refuses %j", (args, why) => {
  expect(() => readBucketJob(args, {})).toThrow(UsageError)
  expect(() => readBucketJob(args, {})).toThrow(why)
})
