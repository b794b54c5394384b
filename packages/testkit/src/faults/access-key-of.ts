import type { S3Call } from "../s3/S3Call.ts"

/** The access key id that a request is signed with, in its header or its query; empty where it is not signed. */
export function accessKeyOf({ headers, query }: Pick<S3Call, "headers" | "query">): string {
  const credential =
    /Credential=([^\s,]+)/.exec(headers["authorization"] ?? "")?.[1] ?? query.get("X-Amz-Credential") ?? ""
  return credential.replace(/\/.*$/s, "")
}
