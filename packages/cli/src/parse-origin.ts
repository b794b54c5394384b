import { corsProblems } from "@sluice/core/Cors"
import * as Result from "effect/Result"
import type { Parse } from "./units.ts"

/** The origin of a page, as CORS has it. */
export const parseOrigin: Parse<string> = (text) => {
  const [problem] = corsProblems({ origins: [text] })
  return problem === undefined
    ? Result.succeed(text)
    : Result.fail("write it as https://app.example.com, without a path")
}
