/**
 * UploadPart the way client-s3 sent it before, without asking client-s3 again.
 *
 * @module
 */
import type { S3Client } from "@aws-sdk/client-s3"
import type { ExchangeResponse, Transport } from "../platform/exchange.ts"
import { sha256 } from "../platform/hash.ts"
import { encode, encodeKey } from "./encode.ts"
import type { Written } from "./Operations.ts"
import { exchangeOptions, type SignedRequest, type StoreCall } from "./StoreCall.ts"
import { signRequest } from "./sign-request.ts"

/** What all UploadParts of a client have in common, read off one that the SDK has signed. */
interface Way {
  readonly protocol: "http:" | "https:"
  readonly hostname: string
  readonly port: number | undefined
  /** Of the path, all before the key. */
  readonly prefix: string
  readonly headers: Readonly<Record<string, string>>
  readonly region: string
  readonly service: string
}

/** One part of one upload. */
export interface PartPlace {
  readonly key: string
  readonly uploadId: string
  readonly partNumber: number
  /** Headers of this part alone. */
  readonly headers: Readonly<Record<string, string>>
}

/** Headers of the connection and the client: the same for every part. */
const common = new Set(["host", "user-agent", "x-amz-user-agent", "x-amz-request-payer", "x-amz-expected-bucket-owner"])

/** Plain SigV4 over headers only: others (SigV4A, S3 Express sessions) are the SDK's alone. */
const plainScope = /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/([^/]+)\/(s3)\/aws4_request,/

const wayOf = ({ protocol, hostname, port, path, headers }: SignedRequest, key: string): Way | undefined => {
  const [, region, service] = plainScope.exec(headers["authorization"] ?? "") ?? []
  const encoded = `/${encodeKey(key)}`
  if (region === undefined || service === undefined || !path.endsWith(encoded)) return undefined
  if ("x-amz-s3session-token" in headers) return undefined
  return {
    protocol: protocol === "https:" ? "https:" : "http:",
    hostname,
    port,
    prefix: path.slice(0, -encoded.length),
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => common.has(name))),
    region,
    service
  }
}

/** An answer that needs no SDK to be understood: a success without a body that names an ETag. */
const plainAnswer = ({ statusCode, headers, body }: ExchangeResponse): Written | undefined => {
  const { etag } = headers
  if (statusCode !== 200 || etag === undefined || !(body instanceof Uint8Array) || body.length > 0) return undefined
  return {
    ETag: etag,
    ChecksumCRC32: headers["x-amz-checksum-crc32"],
    ChecksumCRC32C: headers["x-amz-checksum-crc32c"],
    ChecksumCRC64NVME: headers["x-amz-checksum-crc64nvme"],
    ServerSideEncryption: headers["x-amz-server-side-encryption"]
  }
}

/** Sends one part: `bySdk` when there is anything to learn or to explain. */
export type SendPart = (place: PartPlace, call: StoreCall, bySdk: () => Promise<Written>) => Promise<Written>

/**
 * The first part goes through the SDK, which decides where and how; the others are copies of that request, signed
 * here: building each one anew costs half of all that Sluice adds to the bytes (`docs/decisions/0018`). Whatever
 * is not a plain success is handed to the SDK to be read, and the next part goes its whole way again.
 */
export const makeRepeatPart = (client: S3Client, transport: Transport, connectTimeoutMs: number): SendPart => {
  const digest = sha256
  if (digest === undefined) return (_place, _call, bySdk) => bySdk()
  const { config } = client
  let way: Way | undefined

  return async (place, call, bySdk) => {
    const { payload, payloadHeaders, freshConnection } = call.options
    const known = way
    if (known === undefined || payload === undefined || freshConnection === true) {
      const answer = await bySdk()
      way = call.request === undefined ? undefined : wayOf(call.request, place.key)
      return answer
    }
    const credentials = await config.credentials()
    const query = [`partNumber=${place.partNumber}`, `uploadId=${encode(place.uploadId)}`, "x-id=UploadPart"]
    const path = `${known.prefix}/${encodeKey(place.key)}`
    const headers = signRequest(
      digest,
      { method: "PUT", path, query, headers: { ...known.headers, ...payloadHeaders, ...place.headers } },
      credentials,
      { region: known.region, service: known.service, now: new Date(Date.now() + config.systemClockOffset) }
    )
    const { protocol, hostname, port } = known
    call.request = { method: "PUT", protocol, hostname, port, path, headers }
    const response = await transport
      .exchange(
        {
          ...call.request,
          protocol,
          port,
          path: `${path}?${query.join("&")}`,
          body: payload.slices,
          open: payload.open
        },
        exchangeOptions(call, connectTimeoutMs)
      )
      .catch((cause: unknown) => {
        way = undefined
        throw cause
      })
    const answer = plainAnswer(response)
    if (answer !== undefined) return answer
    way = undefined
    call.answered = response
    return bySdk()
  }
}
