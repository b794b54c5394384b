import { MiB } from "@sluice/core/Limits"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { type Environment, readConfig } from "./Config.ts"

const problemsOf = (env: Environment) => Result.getOrUndefined(Result.flip(readConfig(env))) ?? []
const configOf = (env: Environment) => Result.getOrThrow(readConfig(env))

describe("the environment", () => {
  it("may be empty", () => {
    expect(configOf({})).toEqual({
      store: { bucket: undefined, endpoint: undefined, region: undefined, provider: undefined, bandwidth: undefined },
      stores: [],
      http: { host: "127.0.0.1", port: 3000, token: undefined },
      janitor: { everyMs: 86_400_000, olderThanMs: 86_400_000 },
      engine: {}
    })
  })

  it("sets the Janitor's pace and age, or switches it off", () => {
    expect(configOf({ SLUICE_JANITOR_EVERY: "1h", SLUICE_JANITOR_OLDER_THAN: "2d" }).janitor).toEqual({
      everyMs: 3_600_000,
      olderThanMs: 172_800_000
    })
    expect(configOf({ SLUICE_JANITOR_EVERY: "off" }).janitor.everyMs).toBeUndefined()
    expect(problemsOf({ SLUICE_JANITOR_EVERY: "never" })).toEqual([expect.stringContaining("or off")])
  })

  it("sets the store, the server and every option of the engine", () => {
    const config = configOf({
      AWS_ENDPOINT_URL: "http://general:1",
      AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9000",
      AWS_REGION: "eu-west-1",
      AWS_ACCESS_KEY_ID: "a",
      AWS_SECRET_ACCESS_KEY: "b",
      SLUICE_BUCKET: "media",
      SLUICE_PROVIDER: "minio",
      SLUICE_BANDWIDTH: "20MiB/s",
      SLUICE_HTTP_PORT: "0",
      SLUICE_PART_SIZE: "16MiB",
      SLUICE_CONCURRENCY: "8",
      SLUICE_MAX_UPLOADS: "64",
      SLUICE_MAX_QUEUED_UPLOADS: "0",
      SLUICE_RETRY_WITHIN: "5 minutes",
      SLUICE_STALL_TIMEOUT: "2500",
      SLUICE_MIN_THROUGHPUT: "64KiB",
      SLUICE_MAX_SOCKETS: "0",
      SLUICE_HEDGE: "last-part",
      SLUICE_ON_FAILURE: "keep",
      SLUICE_MULTIPART: "always",
      SLUICE_PAYLOAD_SIGNING: "never"
    })
    expect(config).toMatchObject({
      store: {
        bucket: "media",
        endpoint: "http://127.0.0.1:9000",
        region: "eu-west-1",
        provider: "minio",
        bandwidth: 20 * MiB
      },
      http: { port: 0 },
      engine: {
        partSize: 16 * MiB,
        concurrency: 8,
        maxUploads: 64,
        maxQueuedUploads: 0,
        retryWithinMs: 300_000,
        stallTimeoutMs: 2_500,
        minThroughput: 65_536,
        maxSockets: 0,
        hedge: "last-part",
        onFailure: "keep",
        multipart: "always",
        payloadSigning: "never"
      }
    })
  })

  it("with five bad variables is told in five lines, each with what to do", () => {
    const lines = problemsOf({
      SLUICE_PART_SIZE: "1MiB",
      SLUICE_CONCURRENCY: "many",
      SLUICE_HTTP_PORT: "70000",
      AWS_ENDPOINT_URL_S3: "localhost:9000",
      SLUICE_RETRY_CAP: "soon"
    })
    expect(lines.toSorted()).toEqual([
      'AWS_ENDPOINT_URL_S3: "localhost:9000" is not usable: give a URL such as http://127.0.0.1:9000',
      'SLUICE_CONCURRENCY: "many" is not usable: give a whole number',
      'SLUICE_HTTP_PORT: "70000" is not usable: must be 0 to 65535',
      'SLUICE_PART_SIZE: "1MiB" is not usable: must be 5 MiB to 5 GiB',
      'SLUICE_RETRY_CAP: "soon" is not usable: give a time such as "5 seconds", 10m or plain milliseconds'
    ])
  })

  it("needs both halves of a key", () => {
    expect(problemsOf({ AWS_SECRET_ACCESS_KEY: "x" })).toEqual([
      "AWS_ACCESS_KEY_ID: missing, while AWS_SECRET_ACCESS_KEY is set; set both or none"
    ])
  })

  it("opens the server to other machines only with a token", () => {
    expect(problemsOf({ SLUICE_HTTP_HOST: "0.0.0.0" })).toHaveLength(1)
    expect(configOf({ SLUICE_HTTP_HOST: "0.0.0.0", SLUICE_TOKEN: "0123456789abcdef" }).http.host).toBe("0.0.0.0")
  })

  it("never prints a token, right or wrong", () => {
    const [line = ""] = problemsOf({ SLUICE_TOKEN: "hunter2" })
    expect(line).toContain("SLUICE_TOKEN")
    expect(line).not.toContain("hunter2")
    const { token } = configOf({ SLUICE_TOKEN: "0123456789abcdef" }).http
    expect(JSON.stringify({ token })).not.toContain("0123")
    expect(token && Redacted.value(token)).toBe("0123456789abcdef")
  })
})
