/**
 * Whether a page of another origin can upload: by the rules, and by asking as a browser does.
 *
 * @module
 */
import { corsRuleId } from "@sluice/core/Cors"
import * as Effect from "effect/Effect"
import { ask, type Examination, examined } from "./Examination.ts"
import { type Finding, note, ok, wrong } from "./Finding.ts"

const uploadHeaders = "content-type,x-amz-checksum-crc32"

const namesOf = (header: string | null): ReadonlyArray<string> =>
  (header ?? "").split(",").map((name) => name.trim().toLowerCase())

/** What a browser would hear; the bytes of an answer mean nothing here. */
const hear = (url: string, init: RequestInit) =>
  Effect.tryPromise(async (signal) => {
    const answer = await fetch(url, { ...init, redirect: "manual", signal })
    await answer.body?.cancel()
    return answer
  }).pipe(
    Effect.timeoutOption("20 seconds"),
    Effect.catch(() => Effect.succeedNone)
  )

/** An origin that the rules mean: one with a `*` stands for any. */
const originOf = (pattern: string): string =>
  pattern === "*" ? "https://example.com" : pattern.replace("*", "example")

/** `origin`: whose pages upload; without it, one that the rules name. */
export const examineCors = (examination: Examination, origin?: string): Effect.Effect<Finding> =>
  examined(
    examination,
    "cors",
    Effect.gen(function* () {
      const { bucket, store } = examination
      // The rules only say whom to be; what counts is what a browser hears.
      const rules = yield* Effect.orElseSucceed(ask(bucket.cors), () => [])
      const named = rules.flatMap(({ AllowedOrigins }) => AllowedOrigins ?? [])[0]
      const who = origin ?? originOf(named ?? "*")
      const url = store.location(".sluice-doctor/cors")
      const preflight = yield* hear(url, {
        method: "OPTIONS",
        headers: {
          origin: who,
          "access-control-request-method": "PUT",
          "access-control-request-headers": uploadHeaders
        }
      })
      // Our rule is replaced as a whole: who may upload by it now stays in it.
      const already = rules.flatMap(({ AllowedOrigins, ID }) => (ID === corsRuleId ? (AllowedOrigins ?? []) : []))
      const origins = new Set([...already, origin ?? named ?? "https://app.example.com"])
      const words = Array.from(origins, (one) => `--origin ${/^[\w:/.-]+$/.test(one) ? one : `'${one}'`}`)
      const fix = `sluice bucket cors s3://${bucket.bucket} ${words.join(" ")} --yes`
      if (preflight._tag === "None") return note("cors", `${url} could not be asked as a browser asks`)
      const { headers, ok: allowed, status } = preflight.value
      if (status >= 300 && status < 400) {
        return note("cors", `${url} leads elsewhere; name the bucket's region with --region to see its CORS`)
      }
      if (!allowed || headers.get("access-control-allow-origin") === null) {
        const finding = wrong("cors", `pages of ${who} may not upload: the store refuses the browser's preflight`, fix)
        return finding
      }
      // Some stores name what they expose only with the answer itself.
      const answer = yield* hear(url, { method: "HEAD", headers: { origin: who } })
      const exposed = new Set([
        ...namesOf(headers.get("access-control-expose-headers")),
        ...(answer._tag === "None" ? [] : namesOf(answer.value.headers.get("access-control-expose-headers")))
      ])
      return exposure(who, exposed, fix)
    })
  )

const exposure = (who: string, exposed: ReadonlySet<string>, fix: string): Finding => {
  // `*` is not enough for requests with credentials (Fetch, "CORS protocol and credentials"); ours have none.
  const sees = (name: string): boolean => exposed.has(name) || exposed.has("*")
  if (!sees("etag")) {
    return wrong("cors", `pages of ${who} cannot read the ETag of a part, so no upload in parts can be completed`, fix)
  }
  return sees("x-amz-checksum-crc32") || exposed.has("x-amz*")
    ? ok("cors", `pages of ${who} may upload, and read ETag and checksums`)
    : ok("cors", `pages of ${who} may upload, and read ETag; checksums are not exposed`)
}
