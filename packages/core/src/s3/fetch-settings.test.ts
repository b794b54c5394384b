import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { fetchSettings } from "./fetch-settings.ts"
import type { S3Options } from "./S3Options.ts"

const settings = (options: Omit<S3Options, "bucket">, env: Record<string, string> = {}) =>
  Effect.provideService(
    fetchSettings({ bucket: "media", region: "eu-west-1", ...options }),
    ConfigProvider.ConfigProvider,
    ConfigProvider.fromEnv({ env })
  )
const later = (minutes: number): Date => new Date(Date.now() + minutes * 60_000)

describe("credentials", () => {
  it.effect("are those of the environment where none are given", () =>
    Effect.gen(function* () {
      const env = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "s", AWS_SESSION_TOKEN: "t" }
      const { credentials } = yield* settings({}, env)
      expect(yield* Effect.promise(() => credentials())).toEqual({
        accessKeyId: "a",
        secretAccessKey: "s",
        sessionToken: "t"
      })
    })
  )

  it.effect("that are nowhere are CredentialsUnavailable, and say where to put them", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(settings({}))
      expect(error.reason._tag).toBe("CredentialsUnavailable")
      expect(error.message).toContain("AWS_ACCESS_KEY_ID")
    })
  )

  it.effect("of a provider are asked for once by many, again when they are about to expire, and on demand", () =>
    Effect.gen(function* () {
      const ends = [later(60), later(4), later(60), later(60)]
      let asked = 0
      const provider = async () => ({
        accessKeyId: String(asked),
        secretAccessKey: Redacted.make("s"),
        expiration: ends[asked++]
      })
      const { credentials } = yield* settings({ credentials: provider })
      const ask = (forceRefresh = false) => Effect.promise(() => credentials({ forceRefresh }))
      yield* Effect.all([ask(), ask(), ask()], { concurrency: 3 })
      expect([yield* ask(), asked]).toEqual([{ accessKeyId: "0", secretAccessKey: "s" }, 1])
      yield* ask(true)
      expect(asked).toBe(2)
      // The second ones expire in four minutes.
      yield* ask()
      yield* ask()
      expect(asked).toBe(3)
    })
  )

  it.effect("that could not be had are asked for again", () =>
    Effect.gen(function* () {
      let asked = 0
      const provider = async () => {
        if (asked++ === 0) throw new Error("the vault is sealed")
        return { accessKeyId: "a", secretAccessKey: "s" }
      }
      const { credentials } = yield* settings({ credentials: provider })
      const failure = yield* Effect.promise(() => credentials().catch((cause: unknown) => cause))
      expect(failure).toMatchObject({ name: "CredentialsProviderError", message: "the vault is sealed" })
      expect(yield* Effect.promise(() => credentials())).toMatchObject({ accessKeyId: "a" })
    })
  )
})

it.effect("a region is named where AWS is meant, and guessed where nobody looks at it", () =>
  Effect.gen(function* () {
    const credentials = { accessKeyId: "a", secretAccessKey: "s" }
    const error = yield* Effect.flip(settings({ credentials, region: undefined }))
    expect(error.reason).toMatchObject({ _tag: "InvalidRequest", message: expect.stringContaining("AWS_REGION") })
    const elsewhere = yield* settings({ credentials, region: undefined, endpoint: "http://localhost:9000" })
    expect(yield* Effect.promise(() => elsewhere.region())).toBe("us-east-1")
  })
)
