import { type Access, everything } from "./auth/Principal.ts"
import type { S3Call } from "./S3Call.ts"
import { S3Error } from "./S3Error.ts"
import type { S3Model } from "./S3Model.ts"

/**
 * What the answer of a Requester Pays bucket tells whoever is charged: all but its owner, who have to say that they
 * know (S3 user guide, "Using Requester Pays buckets"). Nobody pays who has no name.
 */
export function requesterCharge(
  { bucket, headers, query }: S3Call,
  access: Access,
  accessKeyId: string | undefined,
  model: S3Model
): Record<string, string> {
  if (access.allow === everything.allow) return {}
  if (model.buckets.get(bucket)?.settings.requestPayment !== "Requester") return {}
  const knows = (headers["x-amz-request-payer"] ?? query.get("x-amz-request-payer")) === "requester"
  if (!knows || accessKeyId === undefined) throw new S3Error("AccessDenied")
  return { "x-amz-request-charged": "requester" }
}
