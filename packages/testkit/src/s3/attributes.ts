import type { S3Context } from "./S3Context.ts"
import { S3Error } from "./S3Error.ts"

type Headers = Readonly<Record<string, string>>

/** Request headers that are kept with an object and given back with it. */
const kept: ReadonlyArray<string> = [
  "content-type",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "expires",
  "x-amz-storage-class",
  "x-amz-website-redirect-location",
  "x-amz-tagging",
  "x-amz-server-side-encryption"
]

const storageClasses: ReadonlyArray<string> = [
  "STANDARD",
  "REDUCED_REDUNDANCY",
  "STANDARD_IA",
  "ONEZONE_IA",
  "INTELLIGENT_TIERING",
  "GLACIER",
  "DEEP_ARCHIVE",
  "GLACIER_IR",
  "EXPRESS_ONEZONE"
]

/** S3 user guide, "Working with object metadata": names and values together. */
const MAX_METADATA_BYTES = 2048
const MAX_TAGS = 10

/** The part of a request's headers that becomes part of the object, or S3's refusal of it. */
export function attributesOf(headers: Headers, { serverSideEncryption }: S3Context): Record<string, string> {
  assertAcceptable(headers, serverSideEncryption)
  const attributes: Record<string, string> = { "content-type": "binary/octet-stream" }
  let metadataBytes = 0
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith("x-amz-meta-")) {
      attributes[name] = value
      metadataBytes += Buffer.byteLength(name) - "x-amz-meta-".length + Buffer.byteLength(value)
    } else if (kept.includes(name)) attributes[name] = value
  }
  if (metadataBytes > MAX_METADATA_BYTES) {
    throw new S3Error("MetadataTooLarge", undefined, {
      Size: `${metadataBytes}`,
      MaxSizeAllowed: `${MAX_METADATA_BYTES}`
    })
  }
  if (attributes["x-amz-storage-class"] === "STANDARD") delete attributes["x-amz-storage-class"]
  if (!serverSideEncryption) delete attributes["x-amz-server-side-encryption"]
  const encoding = (attributes["content-encoding"] ?? "").split(",").map((coding) => coding.trim())
  const codings = encoding.filter((coding) => coding !== "" && coding !== "aws-chunked")
  if (codings.length > 0) attributes["content-encoding"] = codings.join(",")
  else delete attributes["content-encoding"]
  return attributes
}

function assertAcceptable(headers: Headers, serverSideEncryption: boolean): void {
  const storageClass = headers["x-amz-storage-class"]
  if (storageClass !== undefined && !storageClasses.includes(storageClass)) throw new S3Error("InvalidStorageClass")
  if (tagsOf(headers["x-amz-tagging"]).length > MAX_TAGS)
    throw new S3Error("InvalidTag", "Object tags cannot be greater than 10")
  if (Object.keys(headers).some((name) => name.startsWith("x-amz-object-lock-"))) {
    throw new S3Error("NotImplemented", "Object lock is not implemented here.")
  }
  if (!serverSideEncryption) return
  const encryption = headers["x-amz-server-side-encryption"]
  if (
    encryption?.startsWith("aws:") ||
    Object.keys(headers).some((name) => name.startsWith("x-amz-server-side-encryption-"))
  ) {
    throw new S3Error("NotImplemented", "Only SSE-S3 (AES256) is implemented here.")
  }
  if (encryption !== undefined && encryption !== "AES256") throw new S3Error("InvalidEncryptionAlgorithmError")
}

/** Tags from their header form, `a=1&b=2`. */
export function tagsOf(header: string | undefined): ReadonlyArray<readonly [string, string]> {
  return [...new URLSearchParams(header ?? "")]
}

/** An object's kept headers as GET and HEAD answer them. */
export function attributeHeaders(attributes: Headers): Record<string, string> {
  const { "x-amz-tagging": tagging, ...headers } = attributes
  return tagging === undefined ? headers : { ...headers, "x-amz-tagging-count": `${tagsOf(tagging).length}` }
}

/** The echo that proves to a client that its encryption request was followed. */
export function encryptionEcho(attributes: Headers): Record<string, string> {
  const encryption = attributes["x-amz-server-side-encryption"]
  return encryption === undefined ? {} : { "x-amz-server-side-encryption": encryption }
}
