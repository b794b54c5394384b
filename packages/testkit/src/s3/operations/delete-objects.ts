import { versionIdOf } from "../Bucket.ts"
import { assertDeletable } from "../conditions.ts"
import type { Deletion } from "../Deletion.ts"
import { isLocked, liftsGovernance, protectedByLock } from "../lock/ObjectLock.ts"
import type { Version } from "../Records.ts"
import { receiveText } from "../receive.ts"
import { okXml } from "../respond.ts"
import type { S3Call } from "../S3Call.ts"
import type { Handler, S3Context } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import { requestedVersion, versionHeaders } from "../versions.ts"
import { childText, parseXml, type XmlElement, type XmlFields } from "../Xml.ts"

const MAX_KEYS = 1000

/** Deleting what is not there succeeds too. */
export const deleteObject: Handler = async (call, { model, clock }) => {
  const { bucket, key, headers } = call
  const versionId = requestedVersion(call)
  const check = deletable({ headers, versionId, ifMatch: headers["if-match"] }, clock())
  const { removed, marker } = await model.deleteObject(bucket, key, { now: clock(), versionId, check })
  const version = marker ?? removed
  return {
    status: 204,
    headers: {
      ...(versionId === undefined ? {} : { "x-amz-version-id": versionId }),
      ...(version === undefined ? {} : versionHeaders(model.bucket(bucket), version)),
      ...(version?.kind === "marker" ? { "x-amz-delete-marker": "true" } : {})
    }
  }
}

/** Up to 1,000 keys or versions, each with a fate of its own. */
export const deleteObjects: Handler = async (call, context) => {
  context.model.bucket(call.bucket)
  const root = parseXml(await receiveText(call))
  const objects = root.children.filter(({ name }) => name === "Object")
  if (root.name !== "Delete" || objects.length === 0 || objects.length > MAX_KEYS) throw new S3Error("MalformedXML")
  const requests = objects.map(parseRequest)
  const results: Array<XmlFields> = []
  for (const request of requests) results.push(await deleteOne(call, request, context))
  const quiet = childText(root, "Quiet", "false") === "true"
  return okXml("DeleteResult", { "": quiet ? results.filter((result) => "Error" in result) : results })
}

interface DeleteRequest {
  readonly key: string
  readonly versionId: string | undefined
  readonly ifMatch: string | undefined
}

function parseRequest(object: XmlElement): DeleteRequest {
  const unknown = object.children.find(({ name }) => !["Key", "VersionId", "ETag"].includes(name))
  if (unknown !== undefined) throw new S3Error("NotImplemented", `${unknown.name} is of directory buckets only.`)
  return {
    key: childText(object, "Key"),
    versionId: childText(object, "VersionId", "") || undefined,
    ifMatch: childText(object, "ETag", "") || undefined
  }
}

async function deleteOne(
  { bucket, headers }: S3Call,
  request: DeleteRequest,
  { model, clock }: S3Context
): Promise<XmlFields> {
  const { key, versionId, ifMatch } = request
  try {
    const query = new Map(versionId === undefined ? [] : [["versionId", versionId]])
    const now = clock()
    const check = deletable({ headers, versionId, ifMatch }, now)
    const options = { now, versionId: requestedVersion({ query }), check }
    return {
      Deleted: { Key: key, VersionId: versionId, ...markerFields(await model.deleteObject(bucket, key, options)) }
    }
  } catch (error) {
    if (!(error instanceof S3Error)) throw error
    return { Error: { Key: key, VersionId: versionId, Code: error.code, Message: error.message } }
  }
}

/** What stands in the way of a delete. A delete marker removes nothing, so no lock is in its way. */
function deletable(
  { headers, versionId, ifMatch }: Omit<DeleteRequest, "key"> & Pick<S3Call, "headers">,
  now: number
): (current: Version | undefined) => void {
  const assertCondition = assertDeletable(ifMatch)
  return (current) => {
    assertCondition(current)
    if (versionId !== undefined && isLocked(current, now, liftsGovernance(headers))) throw protectedByLock()
  }
}

function markerFields({ removed, marker }: Deletion): XmlFields {
  const version = marker ?? removed
  return version?.kind === "marker" ? { DeleteMarker: true, DeleteMarkerVersionId: versionIdOf(version) } : {}
}
