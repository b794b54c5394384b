/**
 * Compression before the bytes are split into parts, and its inverse for downloads.
 *
 * @module
 */
import * as Plugin from "@sluice/core/Plugin"
import { invalidRequest, uploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Algorithm, codecVersion, compress, decompress, hasAlgorithm } from "./codec.ts"
import { isCompressible } from "./compressible.ts"

const name = "sluice/compression"

/** In the object's metadata: `gzip;1234`, the algorithm and how many bytes there were (nothing, where nobody knew). */
export const metadataName = "sluice-compressed"

export interface CompressionOptions {
  /** Default `gzip`, which every runtime has; `zstd` needs Node 22.15 or what has its zlib. */
  readonly algorithm?: Algorithm | undefined
  /** gzip: 0 … 9, default 6. zstd: 1 … 22, default 3. Only where the runtime has zlib. */
  readonly level?: number | undefined
  /** Which uploads. Default: all but formats that are compressed already (photos, films, archives). */
  readonly compresses?:
    | ((upload: Pick<Plugin.UploadContext, "bucket" | "key" | "source" | "annotations">) => boolean)
    | undefined
  /** A source that is known to have fewer bytes is left as it is. Default 1,024. */
  readonly minSize?: number | undefined
  /**
   * Says `Content-Encoding` as well, so that browsers decompress what they get straight from the store. Default false. Not
   * together with encryption by a plugin: what the store then has is no gzip.
   */
  readonly contentEncoding?: boolean | undefined
}

/** What compressed the parts that an earlier run sent. */
const State = Schema.Struct({ codec: Schema.String })

const levels = { gzip: [0, 9], zstd: [1, 22] } as const

const checkOptions = (algorithm: Algorithm, level: number | undefined) => {
  const [least, most] = levels[algorithm]
  if (!hasAlgorithm(algorithm)) {
    return invalidRequest(`this runtime has no ${algorithm}; take gzip, or Node 22.15 or later`)
  }
  return level === undefined || (Number.isInteger(level) && level >= least && level <= most)
    ? undefined
    : invalidRequest(`${algorithm} has levels ${least} to ${most}, not ${level}`)
}

const parse = (text: string) => {
  const [, algorithm, size] = /^(gzip|zstd);(\d{0,15})$/.exec(text) ?? []
  if (algorithm !== "gzip" && algorithm !== "zstd") return undefined
  return { algorithm: algorithm as Algorithm, size: size === undefined || size === "" ? undefined : Number(size) }
}

/** The bytes from `offset` on; those before are read and dropped, for compressed bytes have no places. */
async function* slice(
  bytes: AsyncIterable<Uint8Array>,
  offset: number,
  length: number | undefined
): AsyncGenerator<Uint8Array> {
  let skip = offset
  let left = length ?? Number.POSITIVE_INFINITY
  if (left === 0) return
  for await (const chunk of bytes) {
    const piece = chunk.subarray(Math.min(skip, chunk.length), Math.min(chunk.length, skip + left))
    skip = Math.max(0, skip - chunk.length)
    left -= piece.length
    if (piece.length > 0) yield piece
    if (left === 0) return
  }
}

const damaged = (cause: unknown) =>
  uploadError(
    {
      _tag: "ChecksumMismatch",
      message: "the object does not decompress: its bytes are not those that were compressed"
    },
    { cause }
  )

/** What zlib says of bad bytes, as ours; everything else as it is. */
async function* checked(bytes: AsyncIterable<Uint8Array>, size: number | undefined): AsyncGenerator<Uint8Array> {
  let seen = 0
  try {
    for await (const chunk of bytes) {
      seen += chunk.length
      yield chunk
    }
  } catch (cause) {
    throw cause instanceof Error && "code" in cause && /^(Z_|ZSTD_|ERR_TRAILING|ERR_ZSTD)/.test(String(cause.code))
      ? damaged(cause)
      : cause
  }
  if (size !== undefined && seen !== size) throw damaged(new Error(`${seen} bytes came of ${size}`))
}

/**
 * Compresses what is worth it. Reading it back needs the same plugin, with any options.
 *
 * ```ts
 * import { createSluice, s3 } from "@sluice/core/promise"
 * import { compression } from "@sluice/plugins/compression"
 *
 * const sluice = createSluice({ store: s3({ bucket: "logs" }), plugins: [compression({ algorithm: "zstd" })] })
 * ```
 *
 * The length of the result is unknown, so uploads are planned as streams: above 242 GiB say `maxSize`. A resume
 * compresses again from the start and compares; where the runtime's zlib is another by then, it is refused
 * (`ResumeMismatch`). gzip's CRC-32 and zstd's XXH64 of the original bytes are checked by every download that reads
 * to the end. A range of such an object reads all that comes before it.
 */
export const compression = ({
  algorithm = "gzip",
  level,
  compresses = isCompressible,
  minSize = 1_024,
  contentEncoding = false
}: CompressionOptions = {}): Plugin.Plugin =>
  Plugin.make({
    name,
    state: State,
    open: Effect.fnUntraced(function* (upload) {
      const wrong = checkOptions(algorithm, level)
      if (wrong !== undefined) return yield* wrong
      const { size } = upload.source
      const codec = `${codecVersion(algorithm)} ${level ?? ""}`.trimEnd()
      // A resume does as the run before it did, whatever the options say by now.
      const wanted = upload.resumed ? upload.saved !== undefined : (size ?? minSize) >= minSize && compresses(upload)
      if (!wanted) return {}
      if (upload.saved !== undefined && upload.saved.codec !== codec) {
        return yield* uploadError({
          _tag: "ResumeMismatch",
          message: `this upload was compressed by ${upload.saved.codec}, here is ${codec}; cancel it and upload anew`
        })
      }
      return {
        plan: Effect.fnUntraced(function* (plan) {
          yield* upload.save({ codec })
          const { attributes } = plan
          const metadata = { ...attributes.metadata, [metadataName]: `${algorithm};${size ?? ""}` }
          if (!contentEncoding) return { ...plan, attributes: { ...attributes, metadata } }
          const before = attributes.contentEncoding
          const noted = { ...metadata, [Plugin.metadataEncoding]: before ?? "identity" }
          // In the order in which they were applied (RFC 9110 §8.4).
          const encodings = before === undefined ? algorithm : `${before}, ${algorithm}`
          return { ...plan, attributes: { ...attributes, metadata: noted, contentEncoding: encodings } }
        }),
        body: {
          stage: "compress" as const,
          size: "unknown" as const,
          replay: "deterministic" as const,
          transform: (bytes: AsyncIterable<Uint8Array>) => compress(bytes, algorithm, level)
        }
      }
    }),
    read: {
      stage: "compress",
      open: ({ head }, below) =>
        Effect.suspend(() => {
          const text = head.metadata?.[metadataName]
          if (text === undefined) return Effect.succeed(undefined)
          const how = parse(text)
          if (how === undefined)
            return Effect.fail(invalidRequest(`the object's metadata "${metadataName}" is none of ours`))
          if (!hasAlgorithm(how.algorithm)) return Effect.fail(invalidRequest(`this runtime has no ${how.algorithm}`))
          return Effect.succeed({
            size: how.size,
            open: (offset: number, length?: number) =>
              slice(checked(decompress(below.open(0), how.algorithm), how.size), offset, length)
          })
        })
    }
  })
