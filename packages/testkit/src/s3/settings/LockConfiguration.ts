import { type Retention, retentionMode } from "../lock/ObjectLock.ts"
import { S3Error } from "../S3Error.ts"
import { assertChildren, childOf, childText, type XmlElement } from "../Xml.ts"

/** That a bucket's objects can be locked, and how they are unless told otherwise. */
export interface LockConfiguration {
  /** Of an object made at that moment. */
  readonly defaultRetention?: (modified: number) => Retention
}

/** S3 user guide, "Object Lock considerations": 100 years. */
const MAX_DAYS = 36_500
const MAX_YEARS = 100

/** An `ObjectLockConfiguration`, or S3's refusal of it. */
export function parseLock(root: XmlElement): LockConfiguration {
  if (root.name !== "ObjectLockConfiguration") throw new S3Error("MalformedXML")
  assertChildren(root, "ObjectLockEnabled", "Rule")
  if (childText(root, "ObjectLockEnabled").trim() !== "Enabled") throw new S3Error("MalformedXML")
  const rule = childOf(root, "Rule")
  if (rule === undefined) return {}
  assertChildren(rule, "DefaultRetention")
  const retention = childOf(rule, "DefaultRetention")
  if (retention === undefined) throw new S3Error("MalformedXML")
  assertChildren(retention, "Mode", "Days", "Years")
  const mode = retentionMode(childText(retention, "Mode").trim())
  const [days, years] = [period(retention, "Days", MAX_DAYS), period(retention, "Years", MAX_YEARS)]
  if (mode === undefined || (days === undefined) === (years === undefined)) throw new S3Error("MalformedXML")
  return {
    defaultRetention: (modified) => {
      const until = new Date(modified)
      if (days !== undefined) until.setUTCDate(until.getUTCDate() + days)
      if (years !== undefined) until.setUTCFullYear(until.getUTCFullYear() + years)
      return { mode, until: until.getTime() }
    }
  }
}

function period(retention: XmlElement, name: "Days" | "Years", max: number): number | undefined {
  const text = childText(retention, name, "").trim()
  if (text === "") return undefined
  if (!/^-?\d{1,9}$/.test(text)) throw new S3Error("MalformedXML")
  if (Number(text) <= 0) {
    throw new S3Error("InvalidArgument", "Default retention period must be a positive integer value.")
  }
  if (Number(text) > max) throw new S3Error("InvalidArgument", "Default retention period too large.")
  return Number(text)
}
