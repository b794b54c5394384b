import type { Profile } from "./Profile.ts"

/** Who can be answered like. */
export type Provider = "aws"

/** One row a provider. */
export const profiles: Readonly<Record<Provider, Profile>> = {
  // A repeated Complete is answered again for a while.
  aws: { idempotentComplete: true, quirks: [] }
}
