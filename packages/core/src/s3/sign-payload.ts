/**
 * What the signature says about the payload: its SHA-256, or that it is unsigned.
 *
 * @module
 */
import type { PayloadSigning } from "../Defaults.ts"
import { createHash } from "../platform/hash.ts"

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

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("")

/** SHA-256 of all slices, as hex. */
export const sha256Hex = async (slices: ReadonlyArray<Uint8Array>): Promise<string> => {
  const hash = createHash("sha256")
  if (hash !== undefined) {
    for (const slice of slices) hash.update(slice)
    return hash.digest("hex")
  }
  const whole = await new Blob(slices.map((slice) => slice.slice())).arrayBuffer()
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", whole)))
}

/** MD5 of all slices as base64, for stores that take no CRC; undefined where the runtime has no MD5. */
export const md5Base64 = (slices: ReadonlyArray<Uint8Array>): string | undefined => {
  const hash = createHash("md5")
  for (const slice of slices) hash?.update(slice)
  return hash?.digest("base64")
}
