/**
 * Whether compressing bytes is worth it, by what they are said to be.
 *
 * @module
 */
import type { UploadContext } from "@sluice/core/Plugin"

/** Formats that are compressed already, by their media type (IANA registry). */
const compressedTypes = [
  /^(image|video|audio)\//,
  /^application\/(zip|gzip|zstd|x-7z-compressed|x-rar-compressed|vnd\.rar|x-bzip2|x-xz|java-archive|epub\+zip|pdf)$/,
  /^application\/vnd\.(openxmlformats-officedocument|oasis\.opendocument)\./,
  /^font\/woff2?$/
]
/** And those among them that are not. */
const plainTypes = /^(image\/(svg\+xml|bmp|x-ms-bmp|tiff)|audio\/(wav|x-wav|vnd\.wave|aiff))$/

const compressedNames =
  /\.(7z|aac|apk|avif|br|bz2|docx|epub|flac|gif|gz|heic|jar|jpe?g|m4a|mkv|mov|mp[34]|odt|ogg|opus|parquet|pdf|png|pptx|rar|tgz|webm|webp|woff2?|xlsx|xz|zip|zst)$/i

/** `false` for what would hardly become shorter: photos, films, archives. What nobody knows may be anything. */
export const isCompressible = ({ key, source }: Pick<UploadContext, "key" | "source">): boolean => {
  const [type = ""] = (source.contentType ?? "").toLowerCase().split(";")
  if (plainTypes.test(type)) return true
  if (compressedTypes.some((compressed) => compressed.test(type))) return false
  return !compressedNames.test(source.name ?? "") && !compressedNames.test(key)
}
