/**
 * What the signature says about the payload: its SHA-256, or that it is unsigned.
 *
 * @module
 */
import type { PayloadSigning } from "../Defaults.ts"

/** SigV4's word for a payload outside the signature; TLS and our CRC32 protect it. */
export const unsignedPayload = "UNSIGNED-PAYLOAD"

const loopback = /^(localhost|127(\.\d+){3}|\[?::1\]?)$/

/** Whether payloads to this endpoint are hashed into the signature. */
export const signsPayload = (mode: PayloadSigning, endpoint: string | undefined): boolean => {
  if (mode !== "auto") return mode === "always"
  if (endpoint === undefined || !URL.canParse(endpoint)) return false
  const url = new URL(endpoint)
  return url.protocol === "http:" && !loopback.test(url.hostname)
}
