/**
 * What stands in a sealed object's metadata: its wrapped key, the commitment to it, and how it was split.
 *
 * @module
 */
import { doublingEvery, type PartLayout } from "@sluice/core/UploadPlan"
import type { SealedLayout } from "./Format.ts"

/** The name in `x-amz-meta-*`. */
export const headerName = "sluice-sealed"

export interface Header {
  /** Which key wraps the data key; letters, digits and `. _ : / -`, 1 to 128 of them. */
  readonly keyId: string
  /** The data key, as the key's owner wrapped it. */
  readonly wrapped: Uint8Array
  /** HKDF of the data key: no other key opens this object, not even to other bytes. */
  readonly commitment: Uint8Array
  readonly layout: SealedLayout
}

/** A key's name as it may stand in a header. */
export const isKeyId = (text: string): boolean => /^[A-Za-z0-9._:/-]{1,128}$/.test(text)

const encodeLayout = (layout: SealedLayout): string => {
  if (layout._tag === "One") return "one"
  if (layout._tag === "Uniform") return `uniform:${layout.partSize}`
  return `doubling:${layout.partSize}:${layout.every}:${layout.maxPartSize}`
}

const decodeLayout = (text: string): SealedLayout | undefined => {
  if (text === "one") return { _tag: "One" }
  const [tag, ...rest] = text.split(":")
  const numbers = rest.map((one) => (/^[1-9]\d{0,15}$/.test(one) ? Number(one) : Number.NaN))
  const [partSize = Number.NaN, every = doublingEvery, maxPartSize = partSize] = numbers
  const layout: PartLayout | undefined =
    tag === "uniform" && numbers.length === 1
      ? { _tag: "Uniform", partSize }
      : tag === "doubling" && numbers.length === 3
        ? { _tag: "Doubling", partSize, every, maxPartSize }
        : undefined
  return numbers.some((number) => !Number.isSafeInteger(number)) ? undefined : layout
}

const encodeBytes = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "")

const decodeBytes = (text: string): Uint8Array | undefined =>
  /^[A-Za-z0-9_-]+$/.test(text) && text.length % 4 !== 1
    ? Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0))
    : undefined

/** One line of ASCII, some 200 bytes. */
export const encodeHeader = ({ keyId, wrapped, commitment, layout }: Header): string =>
  ["1", keyId, encodeBytes(wrapped), encodeBytes(commitment), encodeLayout(layout)].join(";")

/** Undefined for anything that `encodeHeader` does not give. */
export const decodeHeader = (text: string): Header | undefined => {
  const [version, keyId = "", wrappedText = "", commitmentText = "", layoutText = "", ...more] = text.split(";")
  const wrapped = decodeBytes(wrappedText)
  const commitment = decodeBytes(commitmentText)
  const layout = decodeLayout(layoutText)
  if (version !== "1" || more.length > 0 || !isKeyId(keyId)) return undefined
  return wrapped === undefined || commitment?.length !== 32 || layout === undefined
    ? undefined
    : { keyId, wrapped, commitment, layout }
}
