/**
 * How every verb is called: one attempt, ended by interruption, its failure as our error.
 *
 * @module
 */
import type { S3Client } from "@aws-sdk/client-s3"
import * as Effect from "effect/Effect"
import { defaults } from "../Defaults.ts"
import { fromAbortable } from "../internal/from-abortable.ts"
import type { Capabilities } from "../Limits.ts"
import { type ErrorContext, isUploadError, type UploadError, uploadError, withContext } from "../UploadError.ts"
import { diagnoseSdkError } from "./from-sdk-error.ts"
import { makeLearn } from "./learn.ts"
import type { Payload } from "./payload.ts"
import type { S3Options } from "./S3Options.ts"
import { carrying, SdkCall } from "./sdk-call.ts"
import { signsPayload } from "./sign-payload.ts"

/** Puts the call on a command's input. */
type Carry = <Input extends object>(input: Input) => Input

type CallExtra = Omit<SdkCall["options"], "signal" | "payload" | "payloadHeaders"> & {
  readonly payload?: Payload | undefined
}

/** What verbs over one bucket share. */
export interface Caller {
  readonly bucket: string
  readonly client: S3Client
  readonly capabilities: Capabilities
  /** Whether the payload's SHA-256 is signed. */
  readonly signed: boolean
  readonly call: <A>(
    operation: string,
    at: ErrorContext,
    send: (carry: Carry, call: SdkCall) => Promise<A>,
    extra?: CallExtra
  ) => Effect.Effect<A, UploadError>
  /** An answer counts only in the shape it must have: an HTML page with status 200 is no ETag. */
  readonly must: <A>(
    value: A | undefined,
    what: string,
    operation: string,
    at: ErrorContext
  ) => Effect.Effect<A, UploadError>
}

export const makeCaller = (options: S3Options, client: S3Client, capabilities: Capabilities): Caller => {
  const { bucket } = options
  const learn = makeLearn(client, bucket)
  const signed = signsPayload(options.payloadSigning ?? defaults.payloadSigning, options.endpoint)

  const call: Caller["call"] = (operation, at, send, { payload, ...extra } = {}) => {
    const context = { ...at, operation, bucket }
    let sdkCall: SdkCall | undefined
    return fromAbortable(
      async (signal) => {
        const carried = new SdkCall({ ...extra, signal, payload: payload?.body, payloadHeaders: payload?.headers })
        sdkCall = carried
        return send((input) => carrying(input, carried), carried)
      },
      (cause) => cause
    ).pipe(
      Effect.catch((cause) =>
        // A body that is read while it is sent fails in the source's own words.
        isUploadError(cause)
          ? Effect.fail(withContext(cause, context))
          : Effect.flatMap(
              Effect.promise(() => learn(diagnoseSdkError(cause, context), cause, sdkCall?.request?.headers)),
              Effect.fail
            )
      )
    )
  }

  const must: Caller["must"] = (value, what, operation, at) =>
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

  return { bucket, client, capabilities, signed, call, must }
}
