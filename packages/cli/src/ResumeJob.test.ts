import { expect, it } from "vitest"
import { UsageError } from "./Command.ts"
import { readResumeJob } from "./ResumeJob.ts"

const a = "a".repeat(40)
const b = "b".repeat(40)

const linesOf = (...args: ReadonlyArray<string>) => {
  try {
    readResumeJob(args, {})
    return []
  } catch (error) {
    if (error instanceof UsageError) return error.lines
    throw error
  }
}

it("takes sessions, or one and its file", () => {
  expect(readResumeJob([], {})).toMatchObject({ sessionIds: [], file: undefined })
  expect(readResumeJob([a, b], {})).toMatchObject({ sessionIds: [a, b], file: undefined })
  expect(readResumeJob([a, "big.bin"], {})).toMatchObject({ sessionIds: [a], file: "big.bin" })
  expect(readResumeJob([a, "-"], {})).toMatchObject({ sessionIds: [a], file: "-" })
  expect(linesOf("big.bin")).toEqual([expect.stringContaining("sluice resume lists them")])
  expect(linesOf(a, b, "big.bin")).toHaveLength(1)
})

it("keeps what fails, unless told otherwise", () => {
  expect(readResumeJob([a], {}).settings.engine.onFailure).toBe("keep")
  expect(readResumeJob([a], { SLUICE_ON_FAILURE: "auto" }).settings.engine.onFailure).toBe("auto")
  expect(readResumeJob([a, "--on-failure", "abort"], {}).settings.engine.onFailure).toBe("abort")
})

it("goes to the store that the upload began with, unless a flag names another", () => {
  const known = { endpoint: "http://first:1", region: undefined, profile: "team", provider: undefined }
  const placeOf = (...args: ReadonlyArray<string>) =>
    readResumeJob(args, { AWS_ENDPOINT_URL_S3: "http://env:1", AWS_REGION: "eu-west-1" }).settings.placeOf
  expect(placeOf()(known)).toEqual(known)
  expect(placeOf("--endpoint-url", "http://flag:1")(known)).toEqual({ ...known, endpoint: "http://flag:1" })
  expect(placeOf()()).toMatchObject({ endpoint: "http://env:1", region: "eu-west-1", profile: undefined })
})
