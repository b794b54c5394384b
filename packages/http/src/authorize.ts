/**
 * Who may do what: the answer to every request before anything else is looked at.
 *
 * @module
 */
import { problem } from "./problem.ts"

/** What a request may touch. */
export interface Grant {
  /** Names in URLs are relative to this prefix of the bucket; a `/` between the two is put in. Default: the bucket. */
  readonly prefix?: string | undefined
  /** Words for plugins: user id, tenant, … */
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/**
 * `"public"`: everybody may read, write and delete everything. Else a function of the request; `null` asks for
 * credentials (401), and throwing `reject("why")` refuses the ones that came (403).
 */
export type Authorize = "public" | ((request: Request) => Grant | null | Promise<Grant | null>)

/** The grant of a request, or the 401. */
export const authorized = async (authorize: Authorize, request: Request): Promise<Grant | Response> =>
  authorize === "public" ? {} : ((await authorize(request)) ?? unauthenticated())

/** 401: who are you? */
export const unauthenticated = (): Response =>
  problem({
    status: 401,
    reason: "Unauthenticated",
    title: "Credentials needed",
    detail: "this server asks who you are; send your token as `Authorization: Bearer …`",
    headers: { "WWW-Authenticate": 'Bearer realm="sluice"' }
  })
