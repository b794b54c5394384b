/**
 * How a call gets past the SDK: its payload, its signal, its signs of life.
 *
 * client-s3 serialises, signs and parses; the bytes never pass through it. The call rides on the command's
 * input under a symbol, which serialisers do not see, and is handed over to the signed request.
 *
 * @module
 */
import type { S3Client } from "@aws-sdk/client-s3"
import { type SignedRequest, StoreCall } from "./StoreCall.ts"

const key = Symbol("@sluice/core/StoreCall")
const byRequest = new WeakMap<object, StoreCall>()

/** Puts a call on a command's input. */
export type Carry = <Input extends object>(input: Input) => Input

/** `input` with the call on it. */
export const carrying = <Input extends object>(input: Input, call: StoreCall): Input =>
  Object.assign(input, { [key]: call })

/** The call that a signed request belongs to. */
export const callOfRequest = (request: object): StoreCall | undefined => byRequest.get(request)

const callOfInput = (input: object): StoreCall | undefined => {
  const call: unknown = Reflect.get(input, key)
  return call instanceof StoreCall ? call : undefined
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
