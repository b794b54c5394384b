/**
 * Collects everything that is wrong with what was given, so that it is told at once.
 *
 * @module
 */
import * as Result from "effect/Result"
import type { Parse } from "./units.ts"

export class Problems {
  readonly lines: Array<string> = []

  /** One more thing that is wrong: the name of what is, and a sentence. */
  add(name: string, what: string): void {
    this.lines.push(`${name}: ${what}`)
  }

  /** The value, or undefined where nothing was given or what was given is wrong (and then noted). */
  read<A>(name: string, text: string | undefined, parse: Parse<A>): A | undefined {
    if (text === undefined || text === "") return undefined
    const parsed = parse(text)
    if (Result.isSuccess(parsed)) return parsed.success
    this.add(name, `"${text}" is not usable: ${parsed.failure}`)
    return undefined
  }

  /** As `read`, for values that must not be printed. */
  readSecret<A>(name: string, text: string | undefined, parse: Parse<A>): A | undefined {
    if (text === undefined || text === "") return undefined
    const parsed = parse(text)
    if (Result.isSuccess(parsed)) return parsed.success
    this.add(name, parsed.failure)
    return undefined
  }
}
