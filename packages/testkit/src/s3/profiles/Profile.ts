import type { Middleware } from "../S3Call.ts"
import type { S3Context } from "../S3Context.ts"

/** One way in which a provider departs from S3: it stands around every operation, with a memory of its own. */
export type Quirk = (context: S3Context) => Middleware

export interface Profile {
  /** The region that the provider's clients sign for, where it is not `us-east-1`. */
  readonly region?: string
  /** Whether a repeated Complete answers 200 again; `false` if absent. */
  readonly idempotentComplete?: boolean
  /** Whether what comes without a checksum is given one; `false` if absent. */
  readonly defaultChecksum?: boolean
  /** The first one stands outermost. */
  readonly quirks: ReadonlyArray<Quirk>
}
