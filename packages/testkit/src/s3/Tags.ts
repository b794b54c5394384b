import { S3Error } from "./S3Error.ts"
import { childText, type XmlElement, type XmlFields } from "./Xml.ts"

export type Tag = readonly [key: string, value: string]

const MAX_OBJECT_TAGS = 10
export const MAX_BUCKET_TAGS = 50
const MAX_KEY = 128
const MAX_VALUE = 256

/** Letters, digits and spaces of any script, and `+ - = . _ : / @` (S3 user guide, "Object tags"). */
const allowed = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u

/** Tags from their header form, `a=1&b=2`; they were checked when they came in. */
export const tagsOf = (header: string | undefined): ReadonlyArray<Tag> => [...new URLSearchParams(header ?? "")]

/** The header form of tags, in which an object keeps them. */
export const tagHeader = (tags: ReadonlyArray<Tag>): string =>
  new URLSearchParams(tags.map(([key, value]) => [key, value])).toString()

/** The tags of a request's `x-amz-tagging`, or S3's refusal of them. */
export function tagsFromHeader(header: string | undefined): ReadonlyArray<Tag> {
  const tags = tagsOf(header)
  const broken = header !== undefined && !/^(?:[^%]|%[0-9a-f]{2})*$/i.test(header)
  if (broken || new Set(tags.map(([key]) => key)).size < tags.length) {
    throw new S3Error(
      "InvalidArgument",
      "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
      { ArgumentName: "x-amz-tagging", ArgumentValue: header ?? "" }
    )
  }
  assertTags(tags)
  return tags
}

/** The tags of a `Tagging` document. */
export function tagsFromXml(root: XmlElement, max = MAX_OBJECT_TAGS): ReadonlyArray<Tag> {
  const [set, ...others] = root.children
  if (root.name !== "Tagging" || set?.name !== "TagSet" || others.length > 0) throw new S3Error("MalformedXML")
  const tags = set.children.map((element): Tag => {
    if (element.name !== "Tag") throw new S3Error("MalformedXML")
    return [childText(element, "Key"), childText(element, "Value")]
  })
  assertTags(tags, max)
  return tags
}

export const tagSet = (tags: ReadonlyArray<Tag>): XmlFields => ({
  TagSet: { Tag: tags.map(([Key, Value]) => ({ Key, Value })) }
})

function assertTags(tags: ReadonlyArray<Tag>, max = MAX_OBJECT_TAGS): void {
  const kind = max === MAX_OBJECT_TAGS ? "Object" : "Bucket"
  if (tags.length > max) throw new S3Error("BadRequest", `${kind} tags cannot be greater than ${max}`)
  for (const [key, value] of tags) {
    if (key.length === 0 || key.length > MAX_KEY || !allowed.test(key)) {
      throw new S3Error("InvalidTag", "The TagKey you have provided is invalid", { TagKey: key })
    }
    if (value.length > MAX_VALUE || !allowed.test(value)) {
      throw new S3Error("InvalidTag", "The TagValue you have provided is invalid", { TagKey: key })
    }
    if (key.toLowerCase().startsWith("aws:")) {
      throw new S3Error("InvalidTag", "System tags cannot be added/updated by requester", { TagKey: key })
    }
  }
  if (new Set(tags.map(([key]) => key)).size < tags.length) {
    throw new S3Error("InvalidTag", "Cannot provide multiple Tags with the same key")
  }
}
