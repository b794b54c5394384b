import { S3Error } from "../S3Error.ts"
import { MAX_BUCKET_TAGS, type Tag, tagsFromXml } from "../Tags.ts"
import { assertChildren, childText, parseXml, type XmlElement } from "../Xml.ts"
import { type CorsRule, parseCors } from "./CorsRule.ts"
import { type DefaultEncryption, parseEncryption } from "./DefaultEncryption.ts"
import { type LifecycleRule, parseLifecycle } from "./LifecycleRule.ts"
import { type LockConfiguration, parseLock } from "./LockConfiguration.ts"

/** A bucket's settings as operations use them; each comes from the document of its sub-resource. */
export interface BucketSettings {
  readonly cors?: ReadonlyArray<CorsRule>
  readonly lifecycle?: ReadonlyArray<LifecycleRule>
  readonly encryption?: DefaultEncryption
  readonly tagging?: ReadonlyArray<Tag>
  readonly "object-lock"?: LockConfiguration
  /** Who pays for requests. */
  readonly requestPayment?: string
  /** Whether the bucket is reached through S3 Transfer Acceleration. */
  readonly accelerate?: string
}

export type SettingName = keyof BucketSettings

/** Sub-resource → what its document means, or S3's refusal of it. */
export const settingParsers: { readonly [Name in SettingName]-?: (root: XmlElement) => BucketSettings } = {
  cors: (root) => ({ cors: parseCors(root) }),
  lifecycle: (root) => ({ lifecycle: parseLifecycle(root) }),
  encryption: (root) => ({ encryption: parseEncryption(root) }),
  tagging: (root) => ({ tagging: tagsFromXml(root, MAX_BUCKET_TAGS) }),
  "object-lock": (root) => ({ "object-lock": parseLock(root) }),
  requestPayment: (root) => ({
    requestPayment: oneOf(root, "RequestPaymentConfiguration", "Payer", ["Requester", "BucketOwner"])
  }),
  accelerate: (root) => ({
    accelerate: oneOf(root, "AccelerateConfiguration", "Status", ["Enabled", "Suspended"])
  })
}

/** The word that is all a document says. */
function oneOf(root: XmlElement, name: string, child: string, words: ReadonlyArray<string>): string {
  assertChildren(root, child)
  const word = childText(root, child).trim()
  if (root.name !== name || !words.includes(word)) throw new S3Error("MalformedXML")
  return word
}

const isSetting = (name: string): name is SettingName => Object.hasOwn(settingParsers, name)

/** The settings that a bucket's record keeps as documents. */
export function settingsOf(documents: Readonly<Record<string, string>> = {}): BucketSettings {
  let settings: BucketSettings = {}
  for (const [name, text] of Object.entries(documents)) {
    if (isSetting(name)) settings = { ...settings, ...settingParsers[name](parseXml(text)) }
  }
  return settings
}
