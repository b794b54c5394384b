/**
 * `Bucket` over `@aws-sdk/client-s3`.
 *
 * @module
 */
import {
  GetBucketCorsCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  HeadBucketCommand,
  PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand,
  type S3Client,
  TransitionDefaultMinimumObjectSize
} from "@aws-sdk/client-s3"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Bucket, type BucketApi, type StoreAbout } from "../Bucket.ts"
import type { ErrorContext, UploadError } from "../UploadError.ts"
import { makeAttempt, makeMust } from "./caller.ts"
import { connect } from "./connect.ts"
import { makeLearn } from "./learn.ts"
import type { S3Options } from "./S3Options.ts"
import { type Carry, carrying } from "./sdk-call.ts"

type Headers = Readonly<Record<string, string | undefined>>

const headersOf = (response: unknown): Headers => {
  const headers = typeof response === "object" && response !== null && "headers" in response ? response.headers : {}
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)] as const)
  )
}

/** The headers of the newest answer, whatever its status. */
const hearAnswers = (client: S3Client): { heard: Headers | undefined } => {
  const ear: { heard: Headers | undefined } = { heard: undefined }
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      ear.heard = headersOf(result.response)
      return result
    },
    { step: "deserialize", priority: "low", name: "sluiceHearAnswers" }
  )
  return ear
}

const aboutOf = (headers: Headers | undefined): StoreAbout | undefined => {
  const date = new Date(headers?.["date"] ?? "")
  return Number.isNaN(date.getTime()) ? undefined : { date, server: headers?.["server"] }
}

/** The code that a store has for a setting that was never made is no failure. */
const unless = (code: string) => (thrown: unknown) => {
  if (thrown instanceof Error && thrown.name === code) return undefined
  throw thrown
}

const makeApi = (bucket: string, client: S3Client): BucketApi => {
  const ear = hearAnswers(client)
  const attempt = makeAttempt(bucket, makeLearn(client, bucket))
  const must = makeMust(bucket)
  const call = <A>(operation: string, at: ErrorContext, send: (carry: Carry) => Promise<A>) =>
    attempt(operation, at, (one) => send((input) => carrying(input, one)))
  const Bucket = bucket
  const headBucket = call("HeadBucket", {}, (carry) => client.send(new HeadBucketCommand(carry({ Bucket }))))
  return {
    bucket,
    // A refusal has a date too; whether the bucket can be used is not the question.
    about: Effect.suspend(() => {
      ear.heard = undefined
      return Effect.flatMap(Effect.result(headBucket), (outcome) => {
        const about = aboutOf(ear.heard)
        if (about !== undefined) return Effect.succeed(about)
        return outcome._tag === "Failure"
          ? Effect.fail(outcome.failure)
          : must<StoreAbout>(undefined, "Date", "HeadBucket", {})
      })
    }),
    lifecycle: Effect.map(
      call("GetBucketLifecycleConfiguration", {}, (carry) =>
        client
          .send(new GetBucketLifecycleConfigurationCommand(carry({ Bucket })))
          .catch(unless("NoSuchLifecycleConfiguration"))
      ),
      (answer) => ({ rules: answer?.Rules ?? [], transitionMinimumSize: answer?.TransitionDefaultMinimumObjectSize })
    ),
    putLifecycle: ({ rules, transitionMinimumSize }) =>
      Effect.asVoid(
        call("PutBucketLifecycleConfiguration", {}, (carry) =>
          client.send(
            new PutBucketLifecycleConfigurationCommand(
              carry({
                Bucket,
                LifecycleConfiguration: { Rules: [...rules] },
                ...minimumSize(transitionMinimumSize)
              })
            )
          )
        )
      ),
    cors: Effect.map(
      call("GetBucketCors", {}, (carry) =>
        client.send(new GetBucketCorsCommand(carry({ Bucket }))).catch(unless("NoSuchCORSConfiguration"))
      ),
      (answer) => answer?.CORSRules ?? []
    ),
    putCors: (rules) =>
      Effect.asVoid(
        call("PutBucketCors", {}, (carry) =>
          client.send(new PutBucketCorsCommand(carry({ Bucket, CORSConfiguration: { CORSRules: [...rules] } })))
        )
      ),
    encryption: Effect.map(
      call("GetBucketEncryption", {}, (carry) =>
        client
          .send(new GetBucketEncryptionCommand(carry({ Bucket })))
          .catch(unless("ServerSideEncryptionConfigurationNotFoundError"))
      ),
      (answer) =>
        answer?.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm
    ),
    versioning: Effect.map(
      call("GetBucketVersioning", {}, (carry) => client.send(new GetBucketVersioningCommand(carry({ Bucket })))),
      ({ Status }) => Status ?? "Off"
    )
  }
}

const isMinimumSize = (size: string): size is TransitionDefaultMinimumObjectSize =>
  Object.values<string>(TransitionDefaultMinimumObjectSize).includes(size)

const minimumSize = (size: string | undefined) =>
  size !== undefined && isMinimumSize(size) ? { TransitionDefaultMinimumObjectSize: size } : {}

/**
 * The settings of the bucket behind `options`. Makes no request itself, and no client before something is asked; the scope
 * closes its connections. What is asked fails with `InvalidRequest` when the options cannot be meant.
 */
export const layer = (options: S3Options): Layer.Layer<Bucket, UploadError> =>
  Layer.effect(
    Bucket,
    Effect.gen(function* () {
      const { bucket } = options
      const context = yield* Effect.context<Scope.Scope>()
      const open = Effect.map(connect(options), ({ client }) => makeApi(bucket, client))
      // An interruption would be remembered.
      const settings = yield* Effect.cached(Effect.uninterruptible(Effect.provideContext(open, context)))
      return {
        bucket,
        about: Effect.flatMap(settings, ({ about }) => about),
        lifecycle: Effect.flatMap(settings, ({ lifecycle }) => lifecycle),
        putLifecycle: (to) => Effect.flatMap(settings, ({ putLifecycle }) => putLifecycle(to)),
        cors: Effect.flatMap(settings, ({ cors }) => cors),
        putCors: (rules) => Effect.flatMap(settings, ({ putCors }) => putCors(rules)),
        encryption: Effect.flatMap(settings, ({ encryption }) => encryption),
        versioning: Effect.flatMap(settings, ({ versioning }) => versioning)
      }
    })
  )
