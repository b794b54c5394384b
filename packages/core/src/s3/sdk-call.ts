/**
 * What one call carries past the SDK: its payload, its signal, its signs of life.
 *
 * client-s3 serialises, signs and parses; the bytes never pass through it. The call rides on the command's
 * input under a symbol, which serialisers do not see, and is handed over to the signed request.
 *
 * @module
 */
import type { S3Client } from "@aws-sdk/client-s3"
import type { PartBody, Watched } from "../ObjectStore.ts"
import type { ExchangeResponse } from "../platform/exchange.ts"
import type { SignedRequest } from "./request-handler.ts"

interface CallOptions {
  readonly signal: AbortSignal
  readonly payload?: PartBody | undefined
  /** Headers that describe the payload; signed with the rest. */
  readonly payloadHeaders?: Readonly<Record<string, string>> | undefined
  readonly onActivity?: Watched["onActivity"]
  readonly freshConnection?: boolean | undefined
  readonly streamResponse?: boolean | undefined
}

/** One call to the store. */
export class SdkCall {
  readonly options: CallOptions
  /** The request as it was signed and sent, once it is. */
  request: SignedRequest | undefined = undefined
  /** The answer, when it is there already: the SDK is only to read it. */
  answered: ExchangeResponse | undefined = undefined
  constructor(options: CallOptions) {
    this.options = options
  }
}

const key = Symbol("@sluice/core/SdkCall")
const byRequest = new WeakMap<object, SdkCall>()

/** `input` with the call on it. */
export const carrying = <Input extends object>(input: Input, call: SdkCall): Input =>
  Object.assign(input, { [key]: call })

/** The call that a signed request belongs to. */
export const callOfRequest = (request: object): SdkCall | undefined => byRequest.get(request)

const callOfInput = (input: object): SdkCall | undefined => {
  const call: unknown = Reflect.get(input, key)
  return call instanceof SdkCall ? call : undefined
}

const isRequest = (request: unknown): request is SignedRequest =>
  typeof request === "object" && request !== null && "headers" in request && "hostname" in request

/** Makes a client's requests find their calls: payload headers before signing, the call after it. */
export const carryCalls = (client: S3Client): void => {
  client.middlewareStack.add(
    (next) => (args) => {
      const headers = callOfInput(args.input)?.options.payloadHeaders
      if (headers !== undefined && isRequest(args.request)) Object.assign(args.request.headers, headers)
      return next(args)
    },
    { step: "build", name: "sluicePayloadHeaders" }
  )
  client.middlewareStack.add(
    (next) => (args) => {
      const call = callOfInput(args.input)
      if (call !== undefined && isRequest(args.request)) {
        byRequest.set(args.request, call)
        call.request ??= args.request
      }
      return next(args)
    },
    { step: "deserialize", priority: "low", name: "sluiceCall" }
  )
}
