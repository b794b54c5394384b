/**
 * What plain JavaScript gives where an Effect is meant. Pure.
 *
 * @module
 */
import * as Effect from "effect/Effect"

/** What a value is, for people. */
export const kindOf = (value: unknown): string => {
  if (value === null || value === undefined) return String(value)
  if (value instanceof Promise) return "a Promise"
  if (Array.isArray(value)) return "an array"
  return typeof value === "object" ? "an object" : `a ${typeof value}`
}

/** The same value, or a `TypeError` that says how to make an Effect of it. */
export const mustBeEffect = <A>(answer: A): A => {
  if (Effect.isEffect(answer)) return answer
  const how = answer instanceof Promise ? "Effect.promise(() => …)" : "Effect.succeed(…), or Effect.void for nothing"
  throw new TypeError(`it gave ${kindOf(answer)} instead of an Effect; answer with ${how}`)
}
