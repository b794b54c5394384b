import { okXml } from "../respond.ts"
import type { Handler } from "../S3Context.ts"
import { S3Error, type S3ErrorCode } from "../S3Error.ts"
import { requestedObject } from "../versions.ts"
import type { XmlFields } from "../Xml.ts"
import { owner } from "./owner.ts"

/** What nobody can set here, and what S3 says of it: clients ask before they begin, and trip over anything else. */

/** A setting whose absence is an error. */
export const neverSet =
  (code: S3ErrorCode): Handler =>
  async ({ bucket }, { model }) => {
    model.bucket(bucket)
    throw new S3Error(code, undefined, { BucketName: bucket })
  }

/** A setting whose absence is a document. */
export const always =
  (root: string, fields: XmlFields): Handler =>
  async ({ bucket }, { model }) => {
    model.bucket(bucket)
    return okXml(root, fields)
  }

const acl = {
  Owner: owner,
  AccessControlList: {
    Grant: {
      'Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"': {
        ID: owner.ID,
        DisplayName: owner.DisplayName
      },
      Permission: "FULL_CONTROL"
    }
  }
}

export const getBucketAcl: Handler = always("AccessControlPolicy", acl)

export const getObjectAcl: Handler = async (call, { model }) => {
  requestedObject(call, model)
  return okXml("AccessControlPolicy", acl)
}
