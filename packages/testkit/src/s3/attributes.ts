import type { Bucket } from "./Bucket.ts"
import { type Seal, sealOf } from "./encryption/seal.ts"
import { lockOf } from "./lock/ObjectLock.ts"
import type { S3Context } from "./S3Context.ts"
import { S3Error } from "./S3Error.ts"
import { tagsFromHeader, tagsOf } from "./Tags.ts"

type Headers = Readonly<Record<string, string>>

/** Request headers that describe the content; a copy takes them from its source unless told otherwise. */
const content: ReadonlyArray<string> = [
  "content-type",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "expires"
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

/** The part of a request's headers that becomes part of the object, or S3's refusal of it. */
export function attributesOf(headers: Headers, bucket: Bucket, context: S3Context): Seal {
  const { headers: sealed, ...seal } = sealOf(headers, bucket, context)
  const lock = lockOf(headers, bucket, context.clock())
  return {
    ...seal,
    headers: { ...metadataOf(headers), ...placementOf(headers), ...taggingOf(headers), ...lock, ...sealed }
  }
}

/** Those of a copy: content and tags by their directives, the rest always the copy's own. */
export function copiedAttributesOf(headers: Headers, source: Headers, bucket: Bucket, context: S3Context): Seal {
  const { headers: sealed, ...seal } = sealOf(headers, bucket, context)
  const metadata = replaces(headers, "metadata") ? metadataOf(headers) : keptMetadata(source)
  const tagging = replaces(headers, "tagging") ? taggingOf(headers) : keptTagging(source)
  const lock = lockOf(headers, bucket, context.clock())
  return { ...seal, headers: { ...metadata, ...placementOf(headers), ...tagging, ...lock, ...sealed } }
}

/** Whether a copy's `x-amz-metadata-directive` or `x-amz-tagging-directive` is REPLACE. */
export function replaces(headers: Headers, what: "metadata" | "tagging"): boolean {
  const directive = headers[`x-amz-${what}-directive`] ?? "COPY"
  if (directive === "COPY" || directive === "REPLACE") return directive === "REPLACE"
  throw new S3Error("InvalidArgument", `Unknown ${what} directive.`, { ArgumentName: `x-amz-${what}-directive` })
}

function metadataOf(headers: Headers): Record<string, string> {
  const metadata: Record<string, string> = { "content-type": "binary/octet-stream", ...keptMetadata(headers) }
  let bytes = 0
  for (const [name, value] of Object.entries(metadata)) {
    if (!name.startsWith("x-amz-meta-")) continue
    bytes += Buffer.byteLength(name) - "x-amz-meta-".length + Buffer.byteLength(value)
  }
  if (bytes > MAX_METADATA_BYTES) {
    throw new S3Error("MetadataTooLarge", undefined, { Size: `${bytes}`, MaxSizeAllowed: `${MAX_METADATA_BYTES}` })
  }
  const encoding = (metadata["content-encoding"] ?? "").split(",").map((coding) => coding.trim())
  const codings = encoding.filter((coding) => coding !== "" && coding !== "aws-chunked")
  if (codings.length > 0) metadata["content-encoding"] = codings.join(",")
  else delete metadata["content-encoding"]
  return metadata
}

const keptMetadata = (headers: Headers): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.startsWith("x-amz-meta-") || content.includes(name))
  )

/** Storage class and redirect. STANDARD is told by saying nothing, as on S3. */
function placementOf(headers: Headers): Record<string, string> {
  const storageClass = headers["x-amz-storage-class"] ?? "STANDARD"
  if (!storageClasses.includes(storageClass)) throw new S3Error("InvalidStorageClass")
  const redirect = headers["x-amz-website-redirect-location"]
  return {
    ...(storageClass === "STANDARD" ? {} : { "x-amz-storage-class": storageClass }),
    ...(redirect === undefined ? {} : { "x-amz-website-redirect-location": redirect })
  }
}

function taggingOf(headers: Headers): Record<string, string> {
  const tagging = headers["x-amz-tagging"]
  return tagsFromHeader(tagging).length === 0 ? {} : { "x-amz-tagging": tagging ?? "" }
}

const keptTagging = ({ "x-amz-tagging": tagging }: Headers): Record<string, string> =>
  tagging === undefined ? {} : { "x-amz-tagging": tagging }

/** An object's kept headers as GET and HEAD answer them. */
export function attributeHeaders(attributes: Headers): Record<string, string> {
  const { "x-amz-tagging": tagging, ...headers } = attributes
  return tagging === undefined ? headers : { ...headers, "x-amz-tagging-count": `${tagsOf(tagging).length}` }
}
