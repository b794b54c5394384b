/**
 * Signatures of Standard Webhooks (standardwebhooks.com, "Signature scheme").
 *
 * @module
 */
import { createHmac } from "node:crypto"

/** What is signed. */
export interface Message {
  readonly id: string
  /** Seconds since the epoch. */
  readonly timestamp: number
  readonly body: string
}

/** The key bytes of a secret as the standard writes it, `whsec_` and base64; undefined unless it is 24 to 64 bytes. */
export const keyOf = (secret: string): Uint8Array | undefined => {
  const text = secret.replace(/^whsec_/, "")
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined
  const key = Buffer.from(text, "base64")
  return key.length >= 24 && key.length <= 64 ? key : undefined
}

/** The `webhook-*` headers, with one signature a key: while a secret is changed, both the old and the new one sign. */
export const signedHeaders = (keys: ReadonlyArray<Uint8Array>, { body, id, timestamp }: Message) => ({
  "webhook-id": id,
  "webhook-timestamp": String(timestamp),
  "webhook-signature": keys
    .map((key) => `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`)
    .join(" ")
})
