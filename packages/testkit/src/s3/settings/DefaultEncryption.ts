import { S3Error } from "../S3Error.ts"
import { assertChildren, childOf, childText, childTexts, type XmlElement } from "../Xml.ts"

/** What a bucket does with a write that asks for no encryption of its own. */
export interface DefaultEncryption {
  /** As if the request had sent them. */
  readonly headers: Readonly<Record<string, string>>
  /** SSE-C is refused in this bucket (`BlockedEncryptionTypes`). */
  readonly blocksCustomerKeys: boolean
}

/** The rule of a `ServerSideEncryptionConfiguration`, or S3's refusal of it. */
export function parseEncryption(root: XmlElement): DefaultEncryption {
  const rule = childOf(root, "Rule")
  if (root.name !== "ServerSideEncryptionConfiguration" || rule === undefined) throw new S3Error("MalformedXML")
  assertChildren(root, "Rule")
  assertChildren(rule, "ApplyServerSideEncryptionByDefault", "BucketKeyEnabled", "BlockedEncryptionTypes")
  const byDefault = childOf(rule, "ApplyServerSideEncryptionByDefault")
  const blocked = childOf(rule, "BlockedEncryptionTypes")
  const blocksCustomerKeys = blocked !== undefined && childTexts(blocked, "EncryptionType").includes("SSE-C")
  if (byDefault === undefined) return { headers: {}, blocksCustomerKeys }
  const algorithm = childText(byDefault, "SSEAlgorithm").trim()
  const keyId = childText(byDefault, "KMSMasterKeyID", "").trim()
  if (!["AES256", "aws:kms", "aws:kms:dsse"].includes(algorithm)) throw new S3Error("MalformedXML")
  if (algorithm === "AES256" && keyId !== "") {
    throw new S3Error(
      "InvalidArgument",
      "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms"
    )
  }
  const bucketKey = algorithm === "aws:kms" && childText(rule, "BucketKeyEnabled", "false").trim() === "true"
  return {
    headers: {
      "x-amz-server-side-encryption": algorithm,
      ...(keyId === "" ? {} : { "x-amz-server-side-encryption-aws-kms-key-id": keyId }),
      ...(bucketKey ? { "x-amz-server-side-encryption-bucket-key-enabled": "true" } : {})
    },
    blocksCustomerKeys
  }
}
