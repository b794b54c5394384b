import { S3Error } from "../S3Error.ts"

/** How a body comes in aws-chunked framing. */
export interface Framing {
  readonly signed: boolean
  readonly trailers: boolean
}

const framings: Readonly<Record<string, Framing | undefined>> = {
  "STREAMING-UNSIGNED-PAYLOAD-TRAILER": { signed: false, trailers: true },
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": { signed: true, trailers: false },
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": { signed: true, trailers: true }
}

/** The framing that `x-amz-content-sha256` names; undefined for a plain body, signed by a digest or not at all. */
export function framingOf(payload: string): Framing | undefined {
  if (payload === "UNSIGNED-PAYLOAD" || /^[0-9a-f]{64}$/.test(payload)) return undefined
  const framing = framings[payload]
  if (framing !== undefined) return framing
  throw new S3Error(
    "InvalidArgument",
    `x-amz-content-sha256 must be UNSIGNED-PAYLOAD, ${Object.keys(framings).join(", ")}, or a valid sha256 value.`
  )
}
