/**
 * How every verb is called: one attempt, ended by interruption, its failure as our error.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { defaults } from "../Defaults.ts"
import { fromAbortable } from "../internal/from-abortable.ts"
import type { Capabilities } from "../Limits.ts"
import { type ErrorContext, isUploadError, type UploadError, uploadError, withContext } from "../UploadError.ts"
import { diagnoseSdkError } from "./from-sdk-error.ts"
import type { Learn } from "./learn.ts"
import type { Input, OperationName, Output, Send } from "./Operations.ts"
import type { Payload } from "./payload.ts"
import type { S3Options } from "./S3Options.ts"
import { StoreCall } from "./StoreCall.ts"
import { signsPayload } from "./sign-payload.ts"

/** A way to a store: who sends, and who learns from what fails. */
export interface Backend {
  readonly send: Send
  readonly learn: Learn
}

type CallExtra = Omit<StoreCall["options"], "signal" | "payload" | "payloadHeaders"> & {
  readonly payload?: Payload | undefined
}

/** One attempt of anything: its call is ended by interruption, its failure is our error. */
export type Attempt = <A>(
  operation: string,
  at: ErrorContext,
  send: (call: StoreCall) => Promise<A>,
  extra?: CallExtra
) => Effect.Effect<A, UploadError>

export const makeAttempt =
  (bucket: string, learn: Learn): Attempt =>
  (operation, at, send, { payload, ...extra } = {}) => {
    const context = { ...at, operation, bucket }
    let call: StoreCall | undefined
    return fromAbortable(
      async (signal) => {
        call = new StoreCall({ ...extra, signal, payload: payload?.body, payloadHeaders: payload?.headers })
        return send(call)
      },
      (cause) => cause
    ).pipe(
      Effect.catch((cause) =>
        // A body that is read while it is sent fails in the source's own words.
        isUploadError(cause)
          ? Effect.fail(withContext(cause, context))
          : Effect.flatMap(
              Effect.promise(() => learn(diagnoseSdkError(cause, context), cause, call?.request?.headers)),
              Effect.fail
            )
      )
    )
  }

/** An answer counts only in the shape it must have: an HTML page with status 200 is no ETag. */
export type Must = <A>(
  value: A | undefined,
  what: string,
  operation: string,
  at: ErrorContext
) => Effect.Effect<A, UploadError>

export const makeMust =
  (bucket: string): Must =>
  (value, what, operation, at) =>
    value === undefined || value === ""
      ? Effect.fail(
          uploadError(
            {
              _tag: "InvalidResponse",
              message: `the store's answer to ${operation} has no ${what}; something between us and the store may be answering for it`
            },
            { ...at, operation, bucket }
          )
        )
      : Effect.succeed(value)

/** What verbs over one bucket share. */
export interface Caller {
  readonly bucket: string
  readonly capabilities: Capabilities
  /** Whether the payload's SHA-256 is signed. */
  readonly signed: boolean
  readonly call: <Name extends OperationName>(
    operation: Name,
    at: ErrorContext,
    input: Input<Name>,
    extra?: CallExtra
  ) => Effect.Effect<Output<Name>, UploadError>
  readonly must: Must
}

export const makeCaller = (options: S3Options, { send, learn }: Backend, capabilities: Capabilities): Caller => {
  const { bucket } = options
  const attempt = makeAttempt(bucket, learn)
  return {
    bucket,
    capabilities,
    signed: signsPayload(options.payloadSigning ?? defaults.payloadSigning, options.endpoint),
    call: (operation, at, input, extra) => attempt(operation, at, (call) => send(operation, input, call), extra),
    must: makeMust(bucket)
  }
}
