import type { BucketRecord } from "../Records.ts"
import { receiveText } from "../receive.ts"
import { ok, okXml } from "../respond.ts"
import type { Handler } from "../S3Context.ts"
import { S3Error, type S3ErrorCode } from "../S3Error.ts"
import { type SettingName, settingParsers } from "../settings/BucketSettings.ts"
import { fieldsOf, parseXml, type XmlFields, xmlDocument } from "../Xml.ts"

/** What GET says of a setting that was never set: an error, or the document of what is so then. */
const unset: Readonly<Record<SettingName, S3ErrorCode | { readonly root: string; readonly fields: XmlFields }>> = {
  cors: "NoSuchCORSConfiguration",
  lifecycle: "NoSuchLifecycleConfiguration",
  encryption: "ServerSideEncryptionConfigurationNotFoundError",
  tagging: "NoSuchTagSet",
  "object-lock": "ObjectLockConfigurationNotFoundError",
  requestPayment: { root: "RequestPaymentConfiguration", fields: { Payer: "BucketOwner" } },
  accelerate: { root: "AccelerateConfiguration", fields: {} }
}

export const getSetting =
  (name: SettingName): Handler =>
  async ({ bucket }, { model }) => {
    const text = model.bucket(bucket).record.settings?.[name]
    const otherwise = unset[name]
    if (text === undefined) {
      if (typeof otherwise === "object") return okXml(otherwise.root, otherwise.fields)
      throw new S3Error(otherwise, undefined, { BucketName: bucket })
    }
    const root = parseXml(text)
    return okXml(root.name, fieldsOf(root))
  }

/** Kept as the document it is, once it was understood. */
export const putSetting =
  (name: SettingName, assertState: (record: BucketRecord) => void = () => undefined): Handler =>
  async (call, { model }) => {
    model.bucket(call.bucket)
    const root = parseXml(await receiveText(call))
    settingParsers[name](root)
    const text = xmlDocument(root.name, fieldsOf(root))
    await model.updateBucket(call.bucket, (record) => {
      assertState(record)
      return { ...record, settings: { ...record.settings, [name]: text } }
    })
    return name === "tagging" ? { status: 204, headers: {} } : ok({})
  }

/** Deleting what was never set succeeds too. */
export const deleteSetting =
  (name: SettingName): Handler =>
  async ({ bucket }, { model }) => {
    await model.updateBucket(bucket, ({ settings = {}, ...record }) => {
      const { [name]: _, ...others } = settings
      return { ...record, settings: others }
    })
    return { status: 204, headers: {} }
  }
