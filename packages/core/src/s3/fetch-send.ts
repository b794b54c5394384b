/**
 * Operations sent by `fetch`, signed by aws4fetch.
 *
 * @module
 */
import { AwsV4Signer } from "aws4fetch"
import { defaults } from "../Defaults.ts"
import type { ExchangeResponse, Transport } from "../platform/exchange.ts"
import { decodesContent } from "../platform/transport-fetch.ts"
import { invalidRequest } from "../UploadError.ts"
import { awsEndpoint } from "./fetch-settings.ts"
import type { Settings } from "./learn.ts"
import { type Endpoint, hostOf } from "./named-place.ts"
import type { Send } from "./Operations.ts"
import { readAnswer } from "./read-answer.ts"
import { readXml } from "./read-xml.ts"
import type { S3Options } from "./S3Options.ts"
import { exchangeOptions, type StoreCall } from "./StoreCall.ts"
import { StoreRefusal } from "./StoreRefusal.ts"
import type { SigningCredentials } from "./sign-request.ts"
import { type PlainRequest, writeRequest } from "./write-request.ts"

/** SHA-256 of nothing, which requests without a body sign. */
const emptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/** Clocks further apart than this: from here on the store's counts (learn.ts mends at the same distance). */
const skewMs = 240_000

/** Names that can be a host label below the endpoint (S3 user guide, "Virtual hosting of buckets"). */
const isLabel = (bucket: string): boolean => /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(bucket)

/** The endpoint and the path before the key. */
const addressOf = (options: S3Options, { hostname, path, ...rest }: Endpoint): readonly [Endpoint, string] => {
  const { bucket, forcePathStyle } = options
  const base = path.replace(/\/$/, "")
  return forcePathStyle === true || !isLabel(bucket)
    ? [{ ...rest, hostname, path }, `${base}/${bucket}`]
    : [{ ...rest, hostname: `${bucket}.${hostname}`, path }, base]
}

/** The store's clock beside ours, in milliseconds; signatures are made by it where ours is off. */
const makeClock = () => {
  let offset = 0
  return {
    now: () => new Date(Date.now() + offset),
    hear: (date: string | undefined): void => {
      const there = Date.parse(date ?? "")
      if (Math.abs(there - Date.now() - offset) > skewMs) offset = there - Date.now()
    }
  }
}

/** `20130524T000000Z`. */
const timestamp = (now: Date): string => now.toISOString().replace(/\.\d{3}|[-:]/g, "")

/** Whether `fetch` undoes what the answer says of its encoding; some runtimes then hide that it did, and its length. */
const decoded = ({ headers }: ExchangeResponse): boolean =>
  !/^(identity|aws-chunked)?$/.test(headers["content-encoding"] ?? "") || headers["content-length"] === undefined

/** `Send` by a transport. */
export const makeFetchSend = (
  options: S3Options,
  settings: Settings<SigningCredentials>,
  transport: Transport
): Send => {
  const connectTimeoutMs = options.connectTimeoutMs ?? defaults.connectTimeoutMs
  const clock = makeClock()
  /** Keys of the day, derived once for each secret. */
  let derived: { readonly of: string; readonly cache: Map<string, ArrayBuffer> } | undefined

  const exchange = async (
    { method, path, query, headers }: PlainRequest,
    call: StoreCall
  ): Promise<ExchangeResponse> => {
    const { sessionToken, ...credentials } = await settings.credentials()
    const region = await settings.region()
    const [endpoint, before] = addressOf(options, (await settings.endpoint?.()) ?? awsEndpoint(region, options))
    const { protocol, hostname, port } = endpoint
    const { payload, payloadHeaders = { "x-amz-content-sha256": emptySha256 } } = call.options
    // The runtime writes the length itself.
    const { "content-length": length, ...described } = payloadHeaders
    if (derived?.of !== credentials.secretAccessKey) derived = { of: credentials.secretAccessKey, cache: new Map() }
    const target = `${before}${path}${query.length === 0 ? "" : `?${query.join("&")}`}` || "/"
    const signer = new AwsV4Signer({
      method,
      url: `${protocol}//${hostOf(endpoint)}${target}`,
      headers: { ...headers, ...described },
      ...credentials,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      region,
      service: "s3",
      datetime: timestamp(clock.now()),
      allHeaders: true,
      cache: derived.cache
    })
    const signed = Object.fromEntries((await signer.sign()).headers.entries())
    const sent = {
      ...signed,
      host: hostOf(endpoint),
      // Whatever is stored is meant, as it is; unsigned, since browsers send their own.
      "accept-encoding": "identity",
      ...(length === undefined ? {} : { "content-length": length })
    }
    call.request = { method, protocol, hostname, port, path: target, headers: sent }
    const response = await transport.exchange(
      {
        method,
        protocol: protocol === "https:" ? "https:" : "http:",
        hostname,
        port,
        path: target,
        headers: sent,
        body: payload?.slices ?? [],
        open: payload?.open
      },
      exchangeOptions(call, connectTimeoutMs)
    )
    clock.hear(response.headers["date"])
    if (response.statusCode >= 200 && response.statusCode < 300) return response
    const { body } = response
    throw new StoreRefusal(response, body instanceof Uint8Array ? readXml(new TextDecoder().decode(body)) : undefined)
  }

  /** The object as it is stored: the store is asked not to name an encoding that `fetch` would undo. */
  const undecoded = async (
    first: ExchangeResponse,
    request: PlainRequest,
    call: StoreCall
  ): Promise<ExchangeResponse> => {
    const { etag, "content-encoding": encoding } = first.headers
    if (!decoded(first) || etag === undefined) return first
    if (!(first.body instanceof Uint8Array)) await first.body.cancel()
    const second = await exchange(
      {
        ...request,
        query: [...request.query, "response-content-encoding=identity"],
        headers: { ...request.headers, "if-match": etag }
      },
      call
    )
    if (decoded(second)) {
      throw invalidRequest(
        `the object is stored with Content-Encoding ${encoding ?? "unknown"}, which fetch undoes here, and the store gives it in no other way; read it by the other store`
      )
    }
    const { "content-encoding": _, ...headers } = second.headers
    return { ...second, headers: encoding === undefined ? headers : { ...headers, "content-encoding": encoding } }
  }

  return async (operation, input, call) => {
    const request = writeRequest(operation, input)
    const response = await exchange(request, call)
    const { streamResponse = false } = call.options
    return readAnswer(operation, streamResponse && decodesContent ? await undecoded(response, request, call) : response)
  }
}
