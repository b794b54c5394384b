import { randomBytes } from "node:crypto"
import type { Principal } from "./Principal.ts"

/** API reference, CreateSession: five minutes. */
const SESSION_MILLIS = 300_000

/** What a session that only reads may do (S3 user guide, "CreateSession authorization"). */
const reading = ["Get*", "Head*", "List*"]

/** The sessions of directory buckets: credentials for one bucket, given to whoever may ask for them. */
export class Sessions {
  #principals: ReadonlyArray<Principal> = []

  get principals(): ReadonlyArray<Principal> {
    return this.#principals
  }

  create(bucket: string, mode: "ReadWrite" | "ReadOnly", now: number): Required<Principal> {
    const random = (bytes: number) => randomBytes(bytes).toString("hex").toUpperCase()
    const resources = [bucket, `${bucket}/*`]
    const principal = {
      credentials: { accessKeyId: `ASIA${random(8)}`, secretAccessKey: random(20), sessionToken: random(32) },
      expires: now + SESSION_MILLIS,
      allow: [{ operations: mode === "ReadOnly" ? reading : ["*"], resources }],
      // A session cannot prolong itself.
      deny: [{ operations: ["CreateSession"], resources }]
    }
    this.#principals = [...this.#principals.filter(({ expires = 0 }) => expires > now), principal]
    return principal
  }
}
