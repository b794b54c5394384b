import type { S3Response } from "./message.ts"
import { S3Error } from "./S3Error.ts"
import type { S3Model } from "./S3Model.ts"
import { corsAnswer } from "./settings/CorsRule.ts"

type Headers = Readonly<Record<string, string>>

/** What a browser asks before it sends (OPTIONS). It signs nothing, and learns nothing but what the bucket's rules say. */
export function preflight(bucket: string | undefined, headers: Headers, model: S3Model): S3Response {
  const origin = headers["origin"]
  const method = headers["access-control-request-method"]
  if (origin === undefined) {
    throw new S3Error("BadRequest", "Insufficient information. Origin request header needed.")
  }
  if (method === undefined) throw new S3Error("BadRequest", "Invalid Access-Control-Request-Method: null")
  const details = { Method: method, ResourceType: bucket === undefined ? "SERVICE" : "BUCKET" }
  const rules = bucket === undefined ? undefined : model.bucket(bucket).settings.cors
  if (rules === undefined) {
    throw new S3Error("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.", details)
  }
  const requested = (headers["access-control-request-headers"] ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
  const answer = corsAnswer(rules, { origin, method, headers: requested.filter((name) => name !== "") })
  if (answer === undefined) throw new S3Error("AccessForbidden", undefined, details)
  return { status: 200, headers: answer }
}

/** What lets a browser's script read an answer, a refusal too. Nothing where no rule allows it. */
export function corsHeaders(bucket: string | undefined, method: string, headers: Headers, model: S3Model): Headers {
  const origin = headers["origin"]
  if (origin === undefined || bucket === undefined) return {}
  const rules = model.buckets.get(bucket)?.settings.cors ?? []
  return corsAnswer(rules, { origin, method, headers: [] }) ?? {}
}
