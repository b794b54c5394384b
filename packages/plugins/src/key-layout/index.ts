/**
 * Keys by a layout instead of by the caller: one folder a user, the time, the file's name.
 *
 * @module
 */
import * as Plugin from "@sluice/core/Plugin"
import { invalidRequest, type UploadError } from "@sluice/core/UploadError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { baseName, byteLength, cut, safeId, safeSegment, splitExtension, withSuffix } from "./safe-name.ts"

/** What a template puts together. Each but `prefix` is one safe segment: no slash, no `..`, never empty. */
export interface LayoutParts {
  /** As configured, without slashes at its ends; may be empty. */
  readonly prefix: string
  readonly user: string
  /** `YYYYMMDD`, UTC. */
  readonly date: string
  /** `HHMMSS`, UTC. */
  readonly time: string
  /** The file's name, with its extension. */
  readonly filename: string
  readonly sessionId: string
}

/** The metadata that a layout can add. */
export type LayoutMetadata = "uploaded_at" | "original_filename"

export interface KeyLayoutOptions {
  /** Whose upload this is. Never take it from the client: it decides the folder. An empty one is refused. */
  readonly user: string | ((upload: Pick<Plugin.UploadContext, "bucket" | "key" | "source" | "annotations">) => string)
  /** First segments of every key. Default `datasets`. */
  readonly prefix?: string
  /** The key from its parts. Default `perUser`. */
  readonly template?: (parts: LayoutParts) => string
  /**
   * Metadata to add: `uploaded_at` (ISO 8601, UTC), `original_filename` (percent-encoded UTF-8, because
   * headers are ASCII). Default both.
   */
  readonly metadata?: ReadonlyArray<LayoutMetadata>
}

/** `datasets/user_{id}/{YYYYMMDD}_{HHMMSS}_{filename}` */
export const perUser = ({ prefix, user, date, time, filename }: LayoutParts): string =>
  `${prefix === "" ? "" : `${prefix}/`}user_${user}/${date}_${time}_${filename}`

/** Uploads of one name in one second of one user. More are a loop, not users. */
const maxSuffix = 1_000
/** Room that `_1000` needs. */
const suffixBytes = 5
/** Metadata may have 2 KiB in all (S3 limit); half is left to others. */
const maxNameBytes = 1_024

const checkKey = (key: string, maxKeyBytes: number): UploadError | undefined => {
  const segments = key.split("/")
  if (segments.some((segment) => segment === "" || segment === "." || segment === ".." || /\p{Cc}/u.test(segment))) {
    return invalidRequest(
      `the key layout gave "${key}", which has an empty, dotted or unprintable segment; correct the template or the prefix`
    )
  }
  if (byteLength(key) > maxKeyBytes - suffixBytes) {
    return invalidRequest(
      `the key layout gives keys of more than ${maxKeyBytes} bytes; shorten the template or the prefix`
    )
  }
  return undefined
}

/** The key, with the file's name shortened as far as the store's limit demands. */
const layOut = (
  template: (parts: LayoutParts) => string,
  parts: LayoutParts,
  maxKeyBytes: number
): Effect.Effect<string, UploadError> => {
  const excess = byteLength(template(parts)) + suffixBytes - maxKeyBytes
  const [stem, extension] = splitExtension(parts.filename)
  const shorter = cut(stem, Math.max(1, byteLength(stem) - Math.max(0, excess)))
  const key = template({ ...parts, filename: safeSegment(shorter + extension) })
  const problem = checkKey(key, maxKeyBytes)
  return problem === undefined ? Effect.succeed(key) : Effect.fail(problem)
}

const encodeName = (name: string): string => {
  let encoded = ""
  for (const character of name.toWellFormed()) {
    const next = encoded + encodeURIComponent(character)
    if (next.length > maxNameBytes) break
    encoded = next
  }
  return encoded
}

/**
 * Decides every new upload's key by a layout; the key that was asked for only lends its last segment,
 * where the source has no name.
 *
 * A key where an object stands, or that another upload of this process is about to write, gets `_1`,
 * `_2`, … before its extension. Where the store honours conditions, the object is written only if none
 * stands there by then: two processes that meet at one key fail with `PreconditionFailed` instead of
 * overwriting each other.
 *
 * ```ts
 * import { createSluice, s3 } from "@sluice/core/promise"
 * import { keyLayout } from "@sluice/plugins/key-layout"
 *
 * const sluice = createSluice({
 *   store: s3({ bucket: "media" }),
 *   plugins: [keyLayout({ user: (upload) => upload.annotations["user"] ?? "" })]
 * })
 * ```
 */
export const keyLayout = (options: KeyLayoutOptions): Plugin.Plugin => {
  const { user, template = perUser, metadata = ["uploaded_at", "original_filename"] } = options
  const prefix = (options.prefix ?? "datasets").replace(/^\/+|\/+$/g, "")
  /** Keys that uploads of this process are about to write: no HEAD sees them yet. */
  const reserved = new Set<string>()

  return Plugin.make({
    name: "sluice/key-layout",
    open: Effect.fnUntraced(function* (upload) {
      let mine: string | undefined
      const release = (): void => {
        if (mine !== undefined) reserved.delete(mine)
        mine = undefined
      }
      yield* Effect.addFinalizer(() => Effect.sync(release))

      const take = (key: string): boolean => {
        const name = `${upload.bucket}/${key}`
        if (reserved.has(name)) return false
        reserved.add(name)
        mine = name
        return true
      }

      const freeKey = Effect.fnUntraced(function* (wanted: string) {
        for (let n = 0; n <= maxSuffix; n++) {
          const key = n === 0 ? wanted : withSuffix(wanted, n)
          if (!take(key)) continue
          if (!(yield* upload.exists(key))) return key
          release()
        }
        return yield* invalidRequest(
          `${maxSuffix} objects stand at "${wanted}" and its suffixes; try again in a second`
        )
      })

      return {
        plan: Effect.fnUntraced(function* (plan) {
          const id = typeof user === "string" ? user : user(upload)
          if (id.trim() === "") {
            return yield* invalidRequest("the key layout needs a user id; name the user of this upload")
          }
          const at = new Date(yield* Clock.currentTimeMillis).toISOString()
          const original = baseName(upload.source.name ?? plan.key)
          const wanted = yield* layOut(
            template,
            {
              prefix,
              user: yield* safeId(id),
              date: at.slice(0, 10).replaceAll("-", ""),
              time: at.slice(11, 19).replaceAll(":", ""),
              filename: safeSegment(original),
              sessionId: upload.sessionId
            },
            upload.capabilities.limits.maxKeyBytes
          )
          const presets: Readonly<Record<LayoutMetadata, string>> = {
            uploaded_at: at,
            original_filename: encodeName(original)
          }
          const conditional = upload.capabilities.conditionalWrites && plan.condition.ifMatch === undefined
          return {
            ...plan,
            key: yield* freeKey(wanted),
            condition: conditional ? { ...plan.condition, ifNoneMatch: "*" } : plan.condition,
            attributes: {
              ...plan.attributes,
              metadata: {
                ...plan.attributes.metadata,
                ...Object.fromEntries(metadata.map((name) => [name, presets[name]]))
              }
            }
          }
        })
      }
    })
  })
}
