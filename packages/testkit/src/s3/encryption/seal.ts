import { randomBytes } from "node:crypto"
import type { Bucket } from "../Bucket.ts"
import type { S3Context } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import { type CustomerKey, customerKeyEcho, customerKeyOf, SSE_C } from "./CustomerKey.ts"
import { assertKeyUsable, kmsArn } from "./KmsKeys.ts"

type Headers = Readonly<Record<string, string>>

const SSE = "x-amz-server-side-encryption"
const KMS_KEY = `${SSE}-aws-kms-key-id`
const KMS_CONTEXT = `${SSE}-context`
const BUCKET_KEY = `${SSE}-bucket-key-enabled`

/** How an object is encrypted: the headers that tell, and what is kept of the client's key. */
export interface Seal {
  readonly headers: Headers
  readonly customerKey?: CustomerKey
}

/** What a write asks for, or its bucket's default, or S3's refusal of it. */
export function sealOf(requested: Headers, bucket: Bucket, context: S3Context): Seal {
  if (!context.serverSideEncryption) return { headers: {} }
  const asks = Object.keys(requested).some((name) => name.startsWith(SSE))
  const { encryption } = bucket.settings
  if (encryption?.blocksCustomerKeys === true && requested[`${SSE_C}algorithm`] !== undefined) {
    throw new S3Error("AccessDenied", "Server Side Encryption with Customer provided keys is blocked for this bucket.")
  }
  const headers = asks ? requested : (encryption?.headers ?? {})
  const customerKey = customerKeyOf(headers, context)
  if (customerKey !== undefined) {
    if (headers[SSE] === undefined) return { headers: {}, customerKey }
    throw new S3Error(
      "InvalidArgument",
      "Server Side Encryption with Customer provided key is incompatible with the encryption method specified"
    )
  }
  return { headers: managedSeal(headers, context) }
}

/** SSE-S3, SSE-KMS and DSSE-KMS; their headers as they are kept and told. */
export function managedSeal(headers: Headers, context: S3Context): Headers {
  const algorithm = headers[SSE]
  const kms = algorithm === "aws:kms" || algorithm === "aws:kms:dsse"
  if (algorithm !== undefined && algorithm !== "AES256" && !kms) throw new S3Error("InvalidEncryptionAlgorithmError")
  if (!kms) {
    const stray = [KMS_KEY, KMS_CONTEXT, BUCKET_KEY].find((name) => headers[name] !== undefined)
    if (stray !== undefined) {
      throw new S3Error(
        "InvalidArgument",
        "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
        { ArgumentName: stray }
      )
    }
    return algorithm === undefined ? {} : { [SSE]: algorithm }
  }
  const keyId = kmsArn(headers[KMS_KEY], context.region)
  assertKeyUsable(keyId, context.kmsKeys)
  assertKmsContext(headers[KMS_CONTEXT])
  const bucketKey = headers[BUCKET_KEY]?.toLowerCase() === "true"
  if (bucketKey && algorithm === "aws:kms:dsse") {
    throw new S3Error("InvalidArgument", "An S3 Bucket Key cannot be used with aws:kms:dsse.", {
      ArgumentName: BUCKET_KEY
    })
  }
  return { [SSE]: algorithm, [KMS_KEY]: keyId, ...(bucketKey ? { [BUCKET_KEY]: "true" } : {}) }
}

/** Base64 of a flat JSON object of strings. */
function assertKmsContext(context: string | undefined): void {
  if (context === undefined) return
  try {
    const pairs: unknown = JSON.parse(Buffer.from(context, "base64").toString())
    if (typeof pairs === "object" && pairs !== null && Object.values(pairs).every((value) => typeof value === "string"))
      return
  } catch {
    // Not JSON: refused below.
  }
  throw new S3Error(
    "InvalidArgument",
    "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map",
    {
      ArgumentName: KMS_CONTEXT
    }
  )
}

/** The echo that proves to a client that its encryption request was followed. */
export function encryptionEcho(seal: Seal, request: Headers): Record<string, string> {
  const told = Object.fromEntries(Object.entries(seal.headers).filter(([name]) => name.startsWith(SSE)))
  return seal.customerKey === undefined ? told : { ...told, ...customerKeyEcho(request) }
}

/** Every use of an object under KMS asks KMS again: a key that was disabled since makes it unreadable. */
export function assertUnsealable({ headers }: Seal, { kmsKeys }: S3Context): void {
  const keyId = headers[KMS_KEY]
  if (keyId !== undefined) assertKeyUsable(keyId, kmsKeys)
}

/** An ETag is the MD5 of the bytes only in clear and under SSE-S3 (API reference, "ETag"). */
export const hasPlainETag = ({ headers, customerKey }: Seal): boolean =>
  customerKey === undefined && headers[KMS_KEY] === undefined

export const etagOf = (md5: string, seal: Seal): string => (hasPlainETag(seal) ? md5 : randomBytes(16).toString("hex"))
