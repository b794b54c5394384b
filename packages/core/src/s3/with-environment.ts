import * as Effect from "effect/Effect"
import type { S3Options } from "./S3Options.ts"

/** A variable of the environment; an empty one is none. */
export const environmentVariable = Effect.fnUntraced(function* (name: string): Effect.fn.Return<string | undefined> {
  // Loaded here: a program that names its endpoint and region starts without it.
  const { ConfigProvider } = yield* Effect.promise(() => import("effect/ConfigProvider"))
  const provider = yield* ConfigProvider
  return yield* provider.load([name]).pipe(
    Effect.map((node) => (node?._tag === "Value" && node.value !== "" ? node.value : undefined)),
    Effect.orElseSucceed(() => undefined)
  )
})

/**
 * The options with what the standard AWS variables say where they say nothing: endpoint
 * (`AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`), and for endpoints other than AWS's a region, because SigV4
 * wants one and such stores mostly ignore it. The SDK reads the rest itself.
 */
export const withEnvironment = Effect.fnUntraced(function* (options: S3Options): Effect.fn.Return<S3Options> {
  if (options.endpoint !== undefined && (options.region !== undefined || options.profile !== undefined)) return options
  const endpoint =
    options.endpoint ??
    (yield* environmentVariable("AWS_ENDPOINT_URL_S3")) ??
    (yield* environmentVariable("AWS_ENDPOINT_URL"))
  if (endpoint === undefined) return options
  const named =
    options.profile ??
    options.region ??
    (yield* environmentVariable("AWS_REGION")) ??
    (yield* environmentVariable("AWS_PROFILE"))
  return { ...options, endpoint, ...(named === undefined ? { region: "us-east-1" } : {}) }
})
