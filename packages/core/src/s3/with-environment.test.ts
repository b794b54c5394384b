import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import type { S3Options } from "./S3Options.ts"
import { withEnvironment } from "./with-environment.ts"

const resolved = (options: Omit<S3Options, "bucket">, env: Record<string, string>) =>
  Effect.provideService(
    withEnvironment({ bucket: "media", ...options }),
    ConfigProvider.ConfigProvider,
    ConfigProvider.fromEnv({ env })
  )

describe("the standard AWS variables", () => {
  it.effect("name the endpoint, that of S3 before the common one", () =>
    Effect.gen(function* () {
      const common = { AWS_ENDPOINT_URL: "http://common:9000" }
      expect(yield* resolved({}, common)).toMatchObject({ endpoint: "http://common:9000" })
      expect(yield* resolved({}, { ...common, AWS_ENDPOINT_URL_S3: "http://s3:9000" })).toMatchObject({
        endpoint: "http://s3:9000"
      })
      expect(yield* resolved({ endpoint: "http://own:9000" }, common)).toMatchObject({ endpoint: "http://own:9000" })
    })
  )

  it.effect("leave AWS itself alone", () =>
    Effect.gen(function* () {
      expect(yield* resolved({}, {})).toEqual({ bucket: "media" })
    })
  )

  it.effect("give another store a region only where nothing names one", () =>
    Effect.gen(function* () {
      const endpoint = "http://127.0.0.1:9000"
      expect((yield* resolved({ endpoint }, {})).region).toBe("us-east-1")
      expect((yield* resolved({ endpoint }, { AWS_REGION: "eu-west-1" })).region).toBeUndefined()
      expect((yield* resolved({ endpoint }, { AWS_PROFILE: "work" })).region).toBeUndefined()
      expect((yield* resolved({ endpoint, profile: "work" }, {})).region).toBeUndefined()
      expect((yield* resolved({ endpoint, region: "garage" }, {})).region).toBe("garage")
    })
  )
})
