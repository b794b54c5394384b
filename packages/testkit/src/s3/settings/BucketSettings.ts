import { MAX_BUCKET_TAGS, type Tag, tagsFromXml } from "../Tags.ts"
import { parseXml, type XmlElement } from "../Xml.ts"
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
}

export type SettingName = keyof BucketSettings

/** Sub-resource → what its document means, or S3's refusal of it. */
export const settingParsers: { readonly [Name in SettingName]-?: (root: XmlElement) => BucketSettings } = {
  cors: (root) => ({ cors: parseCors(root) }),
  lifecycle: (root) => ({ lifecycle: parseLifecycle(root) }),
  encryption: (root) => ({ encryption: parseEncryption(root) }),
  tagging: (root) => ({ tagging: tagsFromXml(root, MAX_BUCKET_TAGS) }),
  "object-lock": (root) => ({ "object-lock": parseLock(root) })
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
