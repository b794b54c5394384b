/**
 * What every verb of the direct group is given: the engine, and the object that the request names.
 *
 * @module
 */
import type { Sluice } from "@sluice/core/promise"
import type { Grant } from "../authorize.ts"

export interface Direct {
  readonly sluice: Sluice
  readonly request: Request
  /** Aborts when the client is gone, where the runtime can tell. */
  readonly signal: AbortSignal | undefined
  readonly grant: Grant
  /** As the client calls it. */
  readonly name: string
  /** The path of all objects, up to the name: `/objects/`, or where the routes are mounted. */
  readonly base: string
  /** As the bucket calls it. */
  readonly key: string
  /** Told what broke a response that had begun. */
  readonly onBroken: (error: unknown) => void
}
