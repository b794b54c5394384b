import { S3Error } from "../S3Error.ts"
import type { Tag } from "../Tags.ts"
import { assertChildren, childOf, childText, type XmlElement } from "../Xml.ts"

/** When something is due: so many days after a moment of the object's life, or on a date. */
export type Due = { readonly days: number } | { readonly date: number }

export interface LifecycleRule {
  readonly id: string
  readonly enabled: boolean
  readonly filter: LifecycleFilter
  readonly expiration: Due | undefined
  /** Removes delete markers under which no version is left. */
  readonly expiresMarkers: boolean
  readonly noncurrentExpiration: Noncurrent | undefined
  readonly transitions: ReadonlyArray<{ readonly due: Due; readonly storageClass: string }>
  readonly noncurrentTransitions: ReadonlyArray<Noncurrent & { readonly storageClass: string }>
  /** AbortIncompleteMultipartUpload. */
  readonly abortDays: number | undefined
}

export interface LifecycleFilter {
  readonly prefix: string
  readonly tags: ReadonlyArray<Tag>
  /** Bytes, exclusive. */
  readonly largerThan: number | undefined
  readonly smallerThan: number | undefined
}

interface Noncurrent {
  /** Since a newer version came. */
  readonly days: number
  /** So many noncurrent versions are kept whatever their age. */
  readonly newer: number
}

const MAX_RULES = 1000
const MAX_ID = 255

/** The rules of a `LifecycleConfiguration`, or S3's refusal of it. */
export function parseLifecycle(root: XmlElement): ReadonlyArray<LifecycleRule> {
  assertChildren(root, "Rule")
  if (root.name !== "LifecycleConfiguration" || root.children.length === 0 || root.children.length > MAX_RULES) {
    throw new S3Error("MalformedXML")
  }
  const rules = root.children.map((element, index) => parseRule(element, `rule-${index + 1}`))
  if (new Set(rules.map(({ id }) => id)).size < rules.length) {
    throw new S3Error("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule")
  }
  return rules
}

function parseRule(element: XmlElement, unnamed: string): LifecycleRule {
  assertChildren(element, "ID", "Prefix", "Filter", "Status", ...actions)
  const status = childText(element, "Status").trim()
  if (status !== "Enabled" && status !== "Disabled") throw new S3Error("MalformedXML")
  const id = childText(element, "ID", "").trim() || unnamed
  if (id.length > MAX_ID) throw new S3Error("InvalidArgument", `ID length should not exceed allowed limit of ${MAX_ID}`)
  if (!element.children.some(({ name }) => actions.includes(name))) {
    throw new S3Error("InvalidRequest", "At least one action needs to be specified in a rule")
  }
  const filter = parseFilter(element)
  const expiration = childOf(element, "Expiration")
  const marker = expiration === undefined ? "" : childText(expiration, "ExpiredObjectDeleteMarker", "")
  const noncurrent = childOf(element, "NoncurrentVersionExpiration")
  const abort = childOf(element, "AbortIncompleteMultipartUpload")
  const narrow = filter.tags.length > 0 || filter.largerThan !== undefined || filter.smallerThan !== undefined
  if (abort !== undefined && narrow) {
    const message = "AbortIncompleteMultipartUpload cannot be specified with Tags or object sizes."
    throw new S3Error("InvalidRequest", message)
  }
  return {
    id,
    enabled: status === "Enabled",
    filter,
    expiration: expiration === undefined || marker !== "" ? undefined : parseDue(expiration, "Expiration"),
    expiresMarkers: marker === "true",
    noncurrentExpiration: noncurrent === undefined ? undefined : parseNoncurrent(noncurrent),
    transitions: element.children
      .filter(({ name }) => name === "Transition")
      .map((child) => ({ due: parseDue(child, "Transition"), storageClass: childText(child, "StorageClass").trim() })),
    noncurrentTransitions: element.children
      .filter(({ name }) => name === "NoncurrentVersionTransition")
      .map((child) => ({ ...parseNoncurrent(child), storageClass: childText(child, "StorageClass").trim() })),
    abortDays: abort === undefined ? undefined : positive(abort, "DaysAfterInitiation")
  }
}

const actions: ReadonlyArray<string> = [
  "Expiration",
  "Transition",
  "NoncurrentVersionExpiration",
  "NoncurrentVersionTransition",
  "AbortIncompleteMultipartUpload"
]

/** `Filter`, with `And` where there are several conditions, or the older `Prefix`: one of them must be there. */
function parseFilter(rule: XmlElement): LifecycleFilter {
  const filter = childOf(rule, "Filter")
  const prefix = childOf(rule, "Prefix")
  if ((filter === undefined) === (prefix === undefined)) throw new S3Error("MalformedXML")
  const and = filter === undefined ? undefined : childOf(filter, "And")
  const conditions = and ?? filter ?? rule
  if (conditions !== rule) assertChildren(conditions, "Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan")
  // Several conditions stand within And, and And alone.
  if (filter !== undefined && filter.children.length > 1) throw new S3Error("MalformedXML")
  const size = (name: string) => (childOf(conditions, name) === undefined ? undefined : count(conditions, name))
  return {
    prefix: childText(conditions, "Prefix", ""),
    tags: conditions.children
      .filter(({ name }) => name === "Tag")
      .map((tag): Tag => [childText(tag, "Key"), childText(tag, "Value")]),
    largerThan: size("ObjectSizeGreaterThan"),
    smallerThan: size("ObjectSizeLessThan")
  }
}

function parseDue(element: XmlElement, action: string): Due {
  const text = childText(element, "Date", "").trim()
  const hasDays = childOf(element, "Days") !== undefined
  if ((text !== "") === hasDays) throw new S3Error("MalformedXML")
  // A transition may be due at once, an expiration may not.
  if (hasDays) return { days: action === "Transition" ? count(element, "Days") : positive(element, "Days") }
  const date = Date.parse(text)
  if (Number.isNaN(date)) throw new S3Error("MalformedXML")
  if (date % DAY_MILLIS !== 0) throw new S3Error("InvalidArgument", "'Date' must be at midnight GMT")
  return { date }
}

export const DAY_MILLIS = 86_400_000

const parseNoncurrent = (element: XmlElement): Noncurrent => ({
  days: positive(element, "NoncurrentDays"),
  newer: childOf(element, "NewerNoncurrentVersions") === undefined ? 0 : positive(element, "NewerNoncurrentVersions")
})

function count(element: XmlElement, name: string): number {
  const text = childText(element, name).trim()
  if (!/^\d{1,15}$/.test(text)) throw new S3Error("MalformedXML")
  return Number(text)
}

function positive(element: XmlElement, name: string): number {
  const value = count(element, name)
  if (value > 0) return value
  throw new S3Error("InvalidArgument", `'${name}' for ${element.name} action must be a positive integer`)
}
