import { MiB } from "@sluice/core/Limits"
import { expect, it } from "vitest"
import { UsageError } from "./Command.ts"
import type { Environment } from "./Config.ts"
import { isJournalled, readUploadJob } from "./UploadJob.ts"

const linesOf = (args: ReadonlyArray<string>, env: Environment = {}) => {
  try {
    readUploadJob(args, env)
    return []
  } catch (error) {
    if (error instanceof UsageError) return error.lines
    throw error
  }
}

it("lets flags win over the environment", () => {
  const job = readUploadJob(
    ["a.bin", "s3://media/x/", "--part-size", "16MiB", "--region", "eu-west-1", "--endpoint-url", "http://127.0.0.1:1"],
    { SLUICE_PART_SIZE: "8MiB", SLUICE_CONCURRENCY: "2", AWS_REGION: "us-east-1", AWS_ENDPOINT_URL_S3: "http://x:1" }
  )
  expect(job).toMatchObject({
    bucket: "media",
    place: { region: "eu-west-1", endpoint: "http://127.0.0.1:1" },
    keys: [["a.bin", "x/a.bin"]],
    engine: { partSize: 16 * MiB, concurrency: 2 }
  })
})

it("carries what is said about the object", () => {
  const flags = ["--metadata", "a=1", "--metadata", "b=x=y", "--tag", "t=2", "--content-type", "text/plain", "--sse"]
  expect(
    readUploadJob(["-", "s3://media/k", ...flags, "--storage-class=GLACIER_IR", "--max-size", "1GiB"], {})
  ).toMatchObject({
    keys: [["-", "k"]],
    attributes: {
      contentType: "text/plain",
      metadata: { a: "1", b: "x=y" },
      tags: { t: "2" },
      storageClass: "GLACIER_IR"
    },
    maxSize: 1024 * MiB,
    sse: true
  })
})

it("tells everything that is wrong at once, the environment included", () => {
  const args = ["s3://media/k", "--part-size", "1", "--multipart", "maybe", "--metadata", "novalue", "--max-size", "0"]
  const lines = linesOf(args, { SLUICE_CONCURRENCY: "0" })
  for (const name of ["files", "--part-size", "--multipart", "--metadata", "--max-size", "SLUICE_CONCURRENCY"]) {
    expect(lines.filter((line) => line.startsWith(`${name}: `))).toHaveLength(1)
  }
  expect(lines).toHaveLength(6)
})

it("keeps uploads in a journal, unless nothing is to be kept", () => {
  const journalOf = (...args: ReadonlyArray<string>) => {
    const { engine, journal } = readUploadJob(["a", "s3://media/k", ...args], { SLUICE_JOURNAL: "/env" })
    return { journal, onFailure: engine.onFailure }
  }
  expect(journalOf()).toEqual({ journal: { directory: "/env", byFlag: false }, onFailure: undefined })
  expect(journalOf("--journal", "/flag", "--on-failure", "keep")).toEqual({
    journal: { directory: "/flag", byFlag: true },
    onFailure: "keep"
  })
  expect(journalOf("--no-resume")).toEqual({ journal: undefined, onFailure: "abort" })
  expect(linesOf(["a", "s3://media/k", "--no-resume", "--on-failure", "keep"])).toEqual([
    expect.stringContaining("contradicts")
  ])
})

it("journals what has parts to go on with", () => {
  expect([8 * MiB - 1, 8 * MiB, undefined].map((size) => isJournalled(size, {}))).toEqual([false, true, true])
  expect(isJournalled(8 * MiB, { partSize: 16 * MiB })).toBe(false)
  expect(isJournalled(6 * MiB, { partSize: 16 * MiB, multipartThreshold: 6 * MiB })).toBe(true)
  expect(isJournalled(1, { multipart: "always" })).toBe(true)
  expect(isJournalled(8 * MiB, { multipart: "never" })).toBe(false)
  expect(isJournalled(1, { onFailure: "keep" })).toBe(true)
})

it("wants files and a target", () => {
  expect(linesOf([])).toEqual(["target: missing; give the files and then s3://bucket/key"])
  expect(linesOf(["a.bin"])[0]).toContain("name a target such as s3://")
})

it.each([".", "..", "photos/"])("names what %s alone lacks", (directory) => {
  expect(linesOf([directory, "s3://media/"])).toEqual([
    `files: "${directory}" is a directory; what is below it needs --recursive`
  ])
  expect(linesOf(["-r", directory, "s3://media/"])).toEqual([])
})
