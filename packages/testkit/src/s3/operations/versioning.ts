import { receiveText } from "../receive.ts"
import { ok, okXml } from "../respond.ts"
import type { Handler } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import { childText, parseXml } from "../Xml.ts"

/** A bucket that never had versioning answers with an empty element. */
export const getBucketVersioning: Handler = async ({ bucket }, { model }) =>
  okXml("VersioningConfiguration", { Status: model.bucket(bucket).record.versioning })

export const putBucketVersioning: Handler = async (call, { model }) => {
  model.bucket(call.bucket)
  const root = parseXml(await receiveText(call))
  if (root.name !== "VersioningConfiguration") throw new S3Error("MalformedXML")
  if (childText(root, "MfaDelete", "Disabled") !== "Disabled") {
    throw new S3Error("NotImplemented", "MFA delete is not implemented here.")
  }
  const versioning = childText(root, "Status", "")
  if (versioning === "") throw new S3Error("IllegalVersioningConfigurationException")
  if (versioning !== "Enabled" && versioning !== "Suspended") throw new S3Error("MalformedXML")
  await model.updateBucket(call.bucket, (record) => {
    if (versioning === "Suspended" && record.settings?.["object-lock"] !== undefined) {
      throw new S3Error(
        "InvalidBucketState",
        "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
      )
    }
    return { ...record, versioning }
  })
  return ok({})
}
