import { profiles } from "@sluice/core/Limits"
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { type Environment, readConfig } from "./Config.ts"
import { render, setupOf } from "./Setup.ts"

const plugins = { plugins: [], bytes: { body: [], part: [], read: [] }, unknownSize: [], notResumable: [] }
const setup = (env: Environment) =>
  Result.getOrThrow(setupOf(Result.getOrThrow(readConfig(env)), { env, journal: "/journal", plugins }))

describe("what the environment makes of Sluice", () => {
  it("is every option as it holds, with the variable that set it", () => {
    const { options } = setup({ SLUICE_PART_SIZE: "16MiB" })
    expect(options).toMatchObject({
      partSize: { value: 2 ** 24, variable: "SLUICE_PART_SIZE", set: true },
      // Follows the part size.
      multipartThreshold: { value: 2 ** 24, variable: "SLUICE_MULTIPART_THRESHOLD", set: false },
      concurrency: { value: 4, set: false }
    })
    const lines = render(setup({ SLUICE_PART_SIZE: "16MiB", SLUICE_STALL_TIMEOUT: "1500" }))
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}partSize +16 MiB +SLUICE_PART_SIZE$/))
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}stallTimeoutMs +1500 ms +SLUICE_STALL_TIMEOUT$/))
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}concurrency +4$/))
  })

  it("is the stores that are served, each with what its profile allows", () => {
    const env = {
      AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9000",
      SLUICE_PROVIDER: "minio",
      SLUICE_STORES: "media=s3://media archive=s3://cold/2026/?endpoint=https://b.r2.cloudflarestorage.com&provider=r2"
    }
    const described = setup(env)
    expect(described.stores).toMatchObject([
      { name: "media", bucket: "media", endpoint: "http://127.0.0.1:9000", capabilities: profiles.minio },
      { name: "archive", prefix: "2026/", capabilities: profiles.r2 }
    ])
    expect(render(described)).toContain("  archive: s3://cold/2026/ at https://b.r2.cloudflarestorage.com")
    expect(setup({}).stores).toEqual([])
    expect(render(setup({}))).toContain("  none: sluice serve starts one for development")
  })

  it("shows no secret, and says where they are", () => {
    const env = {
      AWS_ACCESS_KEY_ID: "AKIACANARYCANARY0000",
      AWS_SECRET_ACCESS_KEY: "canary-secret",
      AWS_SESSION_TOKEN: "canary-session",
      SLUICE_TOKEN: "canary-token-canary-token"
    }
    const described = setup(env)
    const told = JSON.stringify(described) + render(described).join("\n")
    for (const secret of Object.values(env)) expect(told).not.toContain(secret)
    expect(described).toMatchObject({ credentials: "environment", server: { token: "set" } })
    expect(setup({ AWS_PROFILE: "work" }).credentials).toBe("profile")
    expect(setup({})).toMatchObject({ credentials: "chain", server: { token: "none" } })
  })
})
