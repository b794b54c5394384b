import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto"
import * as Schema from "effect/Schema"
import type { S3Context } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"

type Headers = Readonly<Record<string, string>>

/** What is kept of a client's key (SSE-C): enough to know it again, too little to use it. */
export const CustomerKey = Schema.Struct({ salt: Schema.String, digest: Schema.String })
export type CustomerKey = typeof CustomerKey.Type

/** A key as a request brings it. */
interface PresentedKey {
  readonly key: Buffer
  readonly echo: Headers
}

export const SSE_C = "x-amz-server-side-encryption-customer-"
const COPY_SOURCE = "x-amz-copy-source-server-side-encryption-customer-"
const KEY_BYTES = 32

/** The key in a request's headers; all three headers or none, over TLS unless that is waived. */
function presentedKey(headers: Headers, prefix: string, context: S3Context): PresentedKey | undefined {
  const algorithm = headers[`${prefix}algorithm`]
  const text = headers[`${prefix}key`]
  const claimedMd5 = headers[`${prefix}key-md5`]
  if (algorithm === undefined && text === undefined && claimedMd5 === undefined) return undefined
  const must = "Requests specifying Server Side Encryption with Customer provided keys must"
  if (context.secure !== true && context.allowInsecureSseC !== true) {
    throw new S3Error("InvalidRequest", `${must} be made over a secure connection.`)
  }
  if (algorithm === undefined) throw new S3Error("InvalidArgument", `${must} provide a valid encryption algorithm.`)
  if (algorithm !== "AES256") throw new S3Error("InvalidEncryptionAlgorithmError")
  if (text === undefined) throw new S3Error("InvalidArgument", `${must} provide an appropriate secret key.`)
  if (claimedMd5 === undefined) {
    throw new S3Error("InvalidArgument", `${must} provide the client calculated MD5 of the secret key.`)
  }
  const key = Buffer.from(text, "base64")
  if (key.length !== KEY_BYTES || key.toString("base64") !== text) {
    throw new S3Error("InvalidArgument", "The secret key was invalid for the specified algorithm.")
  }
  if (createHash("md5").update(key).digest("base64") !== claimedMd5) {
    throw new S3Error("InvalidArgument", "The calculated MD5 hash of the key did not match the hash that was provided.")
  }
  return { key, echo: { [`${SSE_C}algorithm`]: algorithm, [`${SSE_C}key-md5`]: claimedMd5 } }
}

const digestOf = (key: Buffer, salt: string): Buffer => createHmac("sha256", salt).update(key).digest()

/** What to keep of the key that a write brings, if it brings one. */
export function customerKeyOf(headers: Headers, context: S3Context): CustomerKey | undefined {
  const presented = presentedKey(headers, SSE_C, context)
  if (presented === undefined) return undefined
  const salt = randomBytes(16).toString("base64")
  return { salt, digest: digestOf(presented.key, salt).toString("base64") }
}

/** The algorithm and the key's MD5 that a request brought, as its answer repeats them. */
export const customerKeyEcho = (headers: Headers): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => name === `${SSE_C}algorithm` || name === `${SSE_C}key-md5`)
  )

const holds = ({ salt, digest }: CustomerKey, key: Buffer): boolean =>
  timingSafeEqual(Buffer.from(digest, "base64"), digestOf(key, salt))

interface Sealed {
  readonly customerKey?: CustomerKey
}

/** Lets a request at an object's bytes only with its key, and without one where there is none. */
export function assertReadKey(headers: Headers, object: Sealed, context: S3Context): void {
  assertKey(object, presentedKey(headers, SSE_C, context))
}

/** As `assertReadKey`, for the source of a copy. */
export function assertSourceKey(headers: Headers, object: Sealed, context: S3Context): void {
  assertKey(object, presentedKey(headers, COPY_SOURCE, context))
}

function assertKey({ customerKey }: Sealed, presented: PresentedKey | undefined): void {
  if (customerKey === undefined) {
    if (presented === undefined) return
    throw new S3Error("InvalidRequest", "The encryption parameters are not applicable to this object.")
  }
  if (presented === undefined) {
    throw new S3Error(
      "InvalidRequest",
      "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object."
    )
  }
  if (!holds(customerKey, presented.key)) throw new S3Error("AccessDenied")
}

/** Every part of an upload brings the key that Create brought; here S3 says 400 to another one. */
export function assertUploadKey(headers: Headers, { customerKey }: Sealed, context: S3Context): void {
  const presented = presentedKey(headers, SSE_C, context)
  if (customerKey === undefined && presented === undefined) return
  if (presented === undefined) {
    throw new S3Error(
      "InvalidRequest",
      "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters."
    )
  }
  if (customerKey === undefined || !holds(customerKey, presented.key)) {
    throw new S3Error("InvalidRequest", "The provided encryption parameters did not match the ones used originally.")
  }
}
