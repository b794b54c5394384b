import * as Context from "effect/Context"

/** Fills an array with random bytes good enough for secrets. A reference, so that a simulation can seed it. */
export const SecureRandom = Context.Reference<(bytes: Uint8Array<ArrayBuffer>) => Uint8Array>(
  "@sluice/core/internal/SecureRandom",
  {
    defaultValue: () => (bytes) => globalThis.crypto.getRandomValues(bytes)
  }
)

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("")

/** A capability: 160 random bits as 40 hex digits (session ids, write tokens). */
export const randomToken = (fill: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array): string =>
  hex(fill(new Uint8Array(20)))
