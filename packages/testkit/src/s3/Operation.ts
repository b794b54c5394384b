import { S3Error } from "./S3Error.ts"

/** The operations this server has, by their names in the S3 API. */
export type Operation = (typeof routes)[keyof typeof routes]

/** Method, resource, sub-resource (`?name`) and whether a copy source is named (`+copy`) → operation. */
const routes = {
  "GET service": "ListBuckets",
  "PUT bucket": "CreateBucket",
  "HEAD bucket": "HeadBucket",
  "DELETE bucket": "DeleteBucket",
  "GET bucket": "ListObjects",
  "GET bucket?list-type": "ListObjectsV2",
  "GET bucket?location": "GetBucketLocation",
  "GET bucket?uploads": "ListMultipartUploads",
  "GET bucket?versioning": "GetBucketVersioning",
  "PUT bucket?versioning": "PutBucketVersioning",
  "GET bucket?versions": "ListObjectVersions",
  "GET bucket?cors": "GetBucketCors",
  "PUT bucket?cors": "PutBucketCors",
  "DELETE bucket?cors": "DeleteBucketCors",
  "GET bucket?lifecycle": "GetBucketLifecycleConfiguration",
  "PUT bucket?lifecycle": "PutBucketLifecycleConfiguration",
  "DELETE bucket?lifecycle": "DeleteBucketLifecycle",
  "GET bucket?encryption": "GetBucketEncryption",
  "PUT bucket?encryption": "PutBucketEncryption",
  "DELETE bucket?encryption": "DeleteBucketEncryption",
  "GET bucket?tagging": "GetBucketTagging",
  "PUT bucket?tagging": "PutBucketTagging",
  "DELETE bucket?tagging": "DeleteBucketTagging",
  "GET bucket?policy": "GetBucketPolicy",
  "GET bucket?policyStatus": "GetBucketPolicyStatus",
  "GET bucket?acl": "GetBucketAcl",
  "GET bucket?website": "GetBucketWebsite",
  "GET bucket?replication": "GetBucketReplication",
  "GET bucket?object-lock": "GetObjectLockConfiguration",
  "PUT bucket?object-lock": "PutObjectLockConfiguration",
  "GET bucket?publicAccessBlock": "GetPublicAccessBlock",
  "GET bucket?ownershipControls": "GetBucketOwnershipControls",
  "GET bucket?logging": "GetBucketLogging",
  "GET bucket?notification": "GetBucketNotificationConfiguration",
  "GET bucket?requestPayment": "GetBucketRequestPayment",
  "PUT bucket?requestPayment": "PutBucketRequestPayment",
  "GET bucket?accelerate": "GetBucketAccelerateConfiguration",
  "PUT bucket?accelerate": "PutBucketAccelerateConfiguration",
  "GET bucket?session": "CreateSession",
  "POST bucket?delete": "DeleteObjects",
  "PUT object": "PutObject",
  "PUT object+copy": "CopyObject",
  "GET object": "GetObject",
  "HEAD object": "HeadObject",
  "DELETE object": "DeleteObject",
  "GET object?tagging": "GetObjectTagging",
  "PUT object?tagging": "PutObjectTagging",
  "DELETE object?tagging": "DeleteObjectTagging",
  "GET object?retention": "GetObjectRetention",
  "PUT object?retention": "PutObjectRetention",
  "GET object?legal-hold": "GetObjectLegalHold",
  "PUT object?legal-hold": "PutObjectLegalHold",
  "GET object?acl": "GetObjectAcl",
  "GET object?attributes": "GetObjectAttributes",
  "POST object?uploads": "CreateMultipartUpload",
  "PUT object?uploadId": "UploadPart",
  "PUT object?uploadId+copy": "UploadPartCopy",
  "POST object?uploadId": "CompleteMultipartUpload",
  "DELETE object?uploadId": "AbortMultipartUpload",
  "GET object?uploadId": "ListParts"
} as const

const operations: ReadonlyArray<string> = Object.values(routes)

export const isOperation = (name: string): name is Operation => operations.includes(name)

/** Query names that change what a request means; one that has no route is refused, never ignored. */
const subresources: ReadonlyArray<string> = [
  "uploadId",
  "uploads",
  "list-type",
  "location",
  "delete",
  "tagging",
  "accelerate",
  "acl",
  "analytics",
  "attributes",
  "cors",
  "encryption",
  "inventory",
  "legal-hold",
  "lifecycle",
  "logging",
  "metrics",
  "notification",
  "object-lock",
  "ownershipControls",
  "policy",
  "policyStatus",
  "publicAccessBlock",
  "replication",
  "requestPayment",
  "restore",
  "retention",
  "select",
  "session",
  "torrent",
  "versioning",
  "versions",
  "website"
]

const isRoute = (route: string): route is keyof typeof routes => Object.hasOwn(routes, route)

/** Operations that mean a version by `?versionId`. S3 ignores it elsewhere; a client that sends it there is wrong. */
const ofVersions: ReadonlySet<Operation> = new Set<Operation>([
  "GetObject",
  "HeadObject",
  "DeleteObject",
  "GetObjectTagging",
  "PutObjectTagging",
  "DeleteObjectTagging",
  "GetObjectRetention",
  "PutObjectRetention",
  "GetObjectLegalHold",
  "PutObjectLegalHold",
  "GetObjectAcl",
  "GetObjectAttributes"
])

/** Names the operation of a request, or refuses it: 501 for a known sub-resource we lack, else 405. */
export function operationOf(
  method: string,
  resource: "service" | "bucket" | "object",
  query: ReadonlyMap<string, string>,
  copies: boolean
): Operation {
  const subresource = subresources.find((name) => query.has(name))
  const route = `${method} ${resource}${subresource === undefined ? "" : `?${subresource}`}${copies ? "+copy" : ""}`
  if (isRoute(route)) {
    const operation = routes[route]
    if (!query.has("versionId") || ofVersions.has(operation)) return operation
    throw new S3Error("InvalidArgument", "This operation does not accept a version-id.", { ArgumentName: "versionId" })
  }
  if (subresource !== undefined) throw new S3Error("NotImplemented", `?${subresource} is not implemented here.`)
  throw new S3Error("MethodNotAllowed", undefined, { Method: method, ResourceType: resource.toUpperCase() })
}
