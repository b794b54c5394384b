/**
 * Tells a URL how an upload ended, at least once, signed by the rules of Standard Webhooks.
 *
 * @module
 */
import type { DeliverHook, Delivery, UploadContext } from "@sluice/core/Plugin"
import * as Plugin from "@sluice/core/Plugin"
import { invalidRequest, type UploadError, uploadError } from "@sluice/core/UploadError"
import type { UploadPlan } from "@sluice/core/UploadPlan"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { post } from "./post.ts"
import { keyOf, signedHeaders } from "./sign.ts"

const firstName = "sluice/events/webhook"

/** The caller's words, for a delivery that another process goes on with. */
const State = Schema.Struct({ annotations: Schema.Record(Schema.String, Schema.String) })

/** What is told, and the `type` that says so. */
const types = {
  UploadCompleted: "upload.completed",
  UploadFailed: "upload.failed",
  UploadCancelled: "upload.cancelled"
} as const

type WebhookEvent = keyof typeof types

export interface WebhookOptions {
  /** Where to: `https`, or `http` with `allowPrivate`. No user name or password; a token in it is no secret to logs. */
  readonly url: string
  /**
   * `whsec_` and base64 of 24 to 64 random bytes, as the receiver has it. Several while a secret is changed: each signs.
   */
  readonly secret: Redacted.Redacted<string> | string | ReadonlyArray<Redacted.Redacted<string> | string>
  /** Names the plugin, where there are several webhooks. Default `sluice/events/webhook`. */
  readonly name?: string | undefined
  /** Default: all three. */
  readonly events?: ReadonlyArray<WebhookEvent> | undefined
  /** Lets it go to this machine and this network, also without TLS. Default false: only to the public internet. */
  readonly allowPrivate?: boolean | undefined
  /** Milliseconds for one POST and its answer. Default 15,000. */
  readonly timeoutMs?: number | undefined
}

/** The `data` of a webhook. The session's id stays here: who has it can end or continue the upload. */
const dataOf = ({ event }: Delivery, annotations: UploadContext["annotations"]) => {
  const { bucket, key } = event
  if (event._tag === "UploadCompleted") {
    const { etag, parts, proof, size, versionId } = event.object
    return { bucket, key, size, etag, versionId, parts, proof, annotations }
  }
  if (event._tag === "UploadFailed") {
    const { message, reason } = event.error
    return { bucket, key, error: { reason: reason._tag, message }, kept: event.kept, annotations }
  }
  return { bucket, key, ...(event._tag === "UploadCancelled" ? { kept: event.kept } : {}), annotations }
}

const failed = (plugin: string, message: string, cause?: unknown): UploadError =>
  uploadError(
    { _tag: "PluginFailed", plugin, hook: "deliver", cause: cause ?? new Error(message) },
    { retry: "temporary" }
  )

const parseUrl = (text: string, allowPrivate: boolean): URL | UploadError => {
  if (!URL.canParse(text)) return invalidRequest("the webhook's url is no URL; give a whole one, https://host/path")
  const url = new URL(text)
  if (url.protocol !== "https:" && !(allowPrivate && url.protocol === "http:")) {
    return invalidRequest(`the webhook's url is ${url.protocol}; use https (http only together with allowPrivate)`)
  }
  if (url.username !== "" || url.password !== "") {
    return invalidRequest(
      "the webhook's url has a user name or password, which logs would tell; the signature is enough"
    )
  }
  return url
}

const parseKeys = (secret: WebhookOptions["secret"]): ReadonlyArray<Uint8Array> | undefined => {
  const secrets = typeof secret === "string" || Redacted.isRedacted(secret) ? [secret] : secret
  const keys = secrets.map((one) => keyOf(typeof one === "string" ? one : Redacted.value(one)))
  const known = keys.flatMap((key) => (key === undefined ? [] : [key]))
  return known.length === 0 || known.length < keys.length ? undefined : known
}

/**
 * POSTs how each upload ended. `webhook-id` is the same for every try of one event of one upload: a receiver drops what
 * it knows. Any answer but 2xx is tried again, after a restart as well where the journal is durable (the Janitor).
 *
 * ```ts
 * import { createSluice, s3 } from "@sluice/core/promise"
 * import { webhook } from "@sluice/plugins/events/webhook"
 *
 * const secret = process.env["WEBHOOK_SECRET"] ?? ""
 * const plugins = [webhook({ url: "https://example.com/hooks/uploads", secret })]
 * const sluice = createSluice({ store: s3({ bucket: "media" }), plugins })
 * ```
 *
 * A URL or secret that makes no sense refuses every upload with `InvalidRequest`, before a request is made.
 */
export const webhook = ({
  allowPrivate = false,
  events = ["UploadCompleted", "UploadFailed", "UploadCancelled"],
  name = firstName,
  secret,
  timeoutMs = 15_000,
  url: text
}: WebhookOptions): Plugin.Plugin => {
  const url = parseUrl(text, allowPrivate)
  const keys = parseKeys(secret)

  return Plugin.make({
    name,
    state: State,
    open: Effect.fnUntraced(function* (upload) {
      const annotations = upload.saved?.annotations ?? upload.annotations
      if (!(url instanceof URL)) return yield* url
      if (keys === undefined) {
        return yield* invalidRequest("the webhook's secret is not whsec_ and base64 of 24 to 64 bytes; make a new one")
      }
      const send = Effect.fnUntraced(function* (delivery: Delivery) {
        const { _tag: tag, at } = delivery.event
        const type = tag === "UploadCompleted" || tag === "UploadFailed" || tag === "UploadCancelled" ? types[tag] : tag
        const data = dataOf(delivery, annotations)
        const body = JSON.stringify({ type, timestamp: new Date(at).toISOString(), data })
        // The time of this try: receivers refuse old ones, as replays.
        const timestamp = Math.floor((yield* Clock.currentTimeMillis) / 1_000)
        const headers = {
          "content-type": "application/json",
          "user-agent": "sluice",
          ...signedHeaders(keys, { id: `msg_${delivery.id}`, timestamp, body })
        }
        const status = yield* Effect.tryPromise({
          try: (signal) => post({ url, headers, body, allowPrivate, timeoutMs, signal }),
          catch: (cause) => failed(name, `${url.origin} did not answer`, cause)
        })
        if (status < 200 || status > 299) return yield* failed(name, `${url.origin} answered ${status}`)
      })
      const deliver: DeliverHook = { name, events, send }
      return {
        plan: (plan: UploadPlan) => Effect.as(upload.save({ annotations }), plan),
        deliver
      }
    })
  })
}
