/** The media type of a file, from its name. @module */

/** Common extensions by media type (IANA media types; the text formats are UTF-8 unless they say otherwise). */
const extensionsOf: Readonly<Record<string, string>> = {
  "text/html; charset=utf-8": "html htm",
  "text/css; charset=utf-8": "css",
  "text/javascript; charset=utf-8": "js mjs cjs",
  "text/plain; charset=utf-8": "txt text log conf ini",
  "text/csv; charset=utf-8": "csv",
  "text/tab-separated-values; charset=utf-8": "tsv",
  "text/markdown; charset=utf-8": "md markdown",
  "text/calendar; charset=utf-8": "ics",
  "text/vcard; charset=utf-8": "vcf",
  "text/vtt; charset=utf-8": "vtt",
  "application/json": "json map",
  "application/ld+json": "jsonld",
  "application/geo+json": "geojson",
  "application/x-ndjson": "ndjson jsonl",
  "application/manifest+json": "webmanifest",
  "application/xml": "xml xsl xsd",
  "application/yaml": "yaml yml",
  "application/toml": "toml",
  "application/sql": "sql",
  "application/wasm": "wasm",
  "application/pdf": "pdf",
  "application/rtf": "rtf",
  "application/epub+zip": "epub",
  "application/msword": "doc",
  "application/vnd.ms-excel": "xls",
  "application/vnd.ms-powerpoint": "ppt",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
  "application/vnd.oasis.opendocument.text": "odt",
  "application/vnd.oasis.opendocument.spreadsheet": "ods",
  "application/vnd.oasis.opendocument.presentation": "odp",
  "application/zip": "zip",
  "application/gzip": "gz tgz",
  "application/zstd": "zst",
  "application/x-tar": "tar",
  "application/x-bzip2": "bz2",
  "application/x-xz": "xz",
  "application/x-7z-compressed": "7z",
  "application/vnd.rar": "rar",
  "application/java-archive": "jar",
  "application/vnd.android.package-archive": "apk",
  "application/x-iso9660-image": "iso",
  "application/vnd.apache.parquet": "parquet",
  "application/vnd.apache.arrow.file": "arrow feather",
  "application/vnd.sqlite3": "sqlite sqlite3",
  "application/vnd.apple.mpegurl": "m3u8",
  "application/dash+xml": "mpd",
  "application/octet-stream": "bin exe dll dmg img",
  "image/png": "png",
  "image/jpeg": "jpg jpeg",
  "image/gif": "gif",
  "image/webp": "webp",
  "image/avif": "avif",
  "image/heic": "heic",
  "image/svg+xml": "svg",
  "image/bmp": "bmp",
  "image/tiff": "tif tiff",
  "image/vnd.microsoft.icon": "ico",
  "audio/mpeg": "mp3",
  "audio/mp4": "m4a",
  "audio/aac": "aac",
  "audio/ogg": "ogg oga opus",
  "audio/wav": "wav",
  "audio/flac": "flac",
  "audio/midi": "mid midi",
  "video/mp4": "mp4 m4v",
  "video/webm": "webm",
  "video/ogg": "ogv",
  "video/quicktime": "mov",
  "video/matroska": "mkv",
  "video/x-msvideo": "avi",
  "video/mpeg": "mpg mpeg",
  "video/mp2t": "ts m2ts",
  "video/3gpp": "3gp",
  "font/woff": "woff",
  "font/woff2": "woff2",
  "font/ttf": "ttf",
  "font/otf": "otf"
}

const byExtension: ReadonlyMap<string, string> = new Map(
  Object.entries(extensionsOf).flatMap(([type, extensions]) =>
    extensions.split(" ").map((extension): [string, string] => [extension, type])
  )
)

/**
 * The media type that a name's last extension stands for, or undefined when it has none we know: the
 * store then says `application/octet-stream`. Never guessed from bytes, so nothing turns into HTML by its content.
 */
export const contentTypeOf = (name: string | undefined): string | undefined => {
  const extension = /[^./\\]\.([A-Za-z0-9]+)$/.exec(name ?? "")?.[1]
  return extension === undefined ? undefined : byExtension.get(extension.toLowerCase())
}
