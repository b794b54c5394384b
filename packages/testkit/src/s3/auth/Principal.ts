import type { LockRight } from "../lock/ObjectLock.ts"
import type { Operation } from "../Operation.ts"
import type { Credentials } from "./Credentials.ts"

/** Operations on resources. In both, `*` stands for any run of characters. */
export interface Rule {
  /** Names of the S3 API: `GetObject`, `List*`. */
  readonly operations: ReadonlyArray<string>
  /** `bucket` for what is asked of a bucket as such, `bucket/key` for what is asked of a key: `media/incoming/*`. */
  readonly resources: ReadonlyArray<string>
}

/** What somebody may do: something that is allowed, and nothing that is denied. */
export interface Access {
  readonly allow: ReadonlyArray<Rule>
  readonly deny?: ReadonlyArray<Rule>
}

/** One who signs requests, and what he may do. */
export interface Principal extends Access {
  readonly credentials: Credentials
  /** When the session token ends, in milliseconds since the epoch by the server's clock; never if absent. */
  readonly expires?: number
}

/** Whoever holds the server's own credentials may do everything. */
export const everything: Access = { allow: [{ operations: ["*"], resources: ["*"] }] }

/** Whether an operation on a bucket, or on a key in it, is allowed; `deny` wins. */
export function mayDo({ allow, deny = [] }: Access, op: Operation | LockRight, bucket: string, key: string): boolean {
  const resource = key === "" ? bucket : `${bucket}/${key}`
  const names = ({ operations, resources }: Rule): boolean =>
    operations.some((pattern) => fits(pattern, op)) && resources.some((pattern) => fits(pattern, resource))
  return allow.some(names) && !deny.some(names)
}

/** Greedy from piece to piece: no pattern makes it slow. */
function fits(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*")
  const last = rest.pop()
  if (last === undefined) return text === pattern
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const piece of rest) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}
