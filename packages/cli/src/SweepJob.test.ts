import { expect, it } from "vitest"
import { UsageError } from "./Command.ts"
import { noteName } from "./ResumeNote.ts"
import { readSweepJob, shelvesOf } from "./SweepJob.ts"

const day = 86_400_000

it("takes an age, seven days where none is given", () => {
  expect(readSweepJob([], {})).toMatchObject({ olderThanMs: 7 * day, dryRun: false })
  expect(readSweepJob(["--older-than", "24h", "--dry-run"], {})).toMatchObject({ olderThanMs: day, dryRun: true })
  expect(() => readSweepJob(["--older-than", "soon"], {})).toThrow(UsageError)
})

it("asks each store about its own sessions only, also where buckets have the same name", () => {
  const session = (sessionId: string, bucket: string, endpoint?: string) => ({
    sessionId,
    bucket,
    pluginState: endpoint === undefined ? {} : { [noteName]: { file: "/a", endpoint } }
  })
  const { settings } = readSweepJob([], { AWS_ENDPOINT_URL_S3: "http://env:1" })
  const shelves = shelvesOf(
    [
      session("1", "media", "http://a:1"),
      session("2", "media", "http://b:1"),
      session("3", "media", "http://a:1"),
      session("4", "logs", "http://a:1"),
      session("5", "media")
    ],
    settings
  )
  expect(shelves.map(({ bucket, place, sessionIds }) => [bucket, place.endpoint, [...sessionIds]])).toEqual([
    ["media", "http://a:1", ["1", "3"]],
    ["media", "http://b:1", ["2"]],
    ["logs", "http://a:1", ["4"]],
    ["media", "http://env:1", ["5"]]
  ])
})
