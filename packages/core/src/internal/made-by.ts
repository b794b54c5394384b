/**
 * Which plugins changed an object's bytes: said in its metadata, so that nobody takes what is stored for what was meant.
 *
 * @module
 */
import type { ObjectHead } from "../ObjectStore.ts"
import type { OpenedHooks } from "./run-hooks.ts"

/** The object metadata that names them, without the `x-amz-meta-` prefix. */
export const metadataPlugins = "sluice-plugins"

/**
 * Metadata by which the engine and its plugins know their own work: who made these bytes, and how to undo it. A plugin of
 * yours that notes how to read what it made does so under a name that begins like this.
 */
export const isOwnMetadata = (name: string): boolean => name.toLowerCase().startsWith("sluice-")

/**
 * The object metadata in which a plugin that gives the stored bytes a Content-Encoding notes the one that they had before:
 * `identity` for none.
 */
export const metadataEncoding = "sluice-content-encoding"

/** The Content-Encoding of the bytes that were meant. */
export const meantEncoding = ({
  contentEncoding,
  metadata
}: Pick<ObjectHead, "contentEncoding" | "metadata">): string | undefined => {
  const noted = metadata?.[metadataEncoding]
  return noted === "identity" ? undefined : (noted ?? contentEncoding)
}

/** The plugins that change bytes, in the order in which they do; those that observe do not. */
export const changingPlugins = ({ body, part }: Pick<OpenedHooks, "body" | "part">): ReadonlyArray<string> => [
  ...new Set([...body, ...part].flatMap(({ plugin, hook }) => (hook.stage === "observe" ? [] : [plugin])))
]

/** What the metadata says of them; nothing where no plugin changes bytes. */
export const madeByMetadata = (hooks: Pick<OpenedHooks, "body" | "part">): Readonly<Record<string, string>> => {
  const plugins = changingPlugins(hooks)
  return plugins.length === 0 ? {} : { [metadataPlugins]: plugins.map(encodeURIComponent).join(",") }
}

const decoded = (name: string): string => {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

/** The plugins that made an object, in the order in which they changed its bytes. */
export const madeBy = ({ metadata }: Pick<ObjectHead, "metadata">): ReadonlyArray<string> => {
  const names = metadata?.[metadataPlugins]
  return names === undefined || names === "" ? [] : names.split(",").map(decoded)
}
