import type { S3Call } from "../s3/S3Call.ts"
import type { FaultMatch } from "./FaultRule.ts"

/** What a fault can strike: a request, or a connection. */
export type FaultSubject =
  | (Pick<S3Call, "op" | "bucket" | "key" | "uploadId" | "partNumber" | "attempt"> & {
      readonly connection?: undefined
    })
  | { readonly connection: number }

const exact = ["op", "bucket", "uploadId", "partNumber", "attempt"] as const

/** Whether a rule means this request or connection, counting and chance aside. */
export function matchRule(match: FaultMatch, subject: FaultSubject): boolean {
  if (subject.connection !== undefined) {
    return match.connection === undefined || match.connection === "any" || match.connection === subject.connection
  }
  const { key } = match
  if (key !== undefined && !(typeof key === "string" ? key === subject.key : key.test(subject.key))) return false
  return exact.every((name) => match[name] === undefined || match[name] === subject[name])
}

/** What tells subjects of one run apart and is the same in the next: neither bucket names nor uploadIds are. */
export const identityOf = (subject: FaultSubject): ReadonlyArray<unknown> =>
  subject.connection !== undefined
    ? [subject.connection]
    : [subject.op, subject.key, subject.partNumber ?? 0, subject.attempt]
