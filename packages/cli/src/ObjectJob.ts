/**
 * What a command was asked to do with one object: `s3://bucket/key` and where that is. Pure.
 *
 * @module
 */
import type { Environment } from "./Config.ts"
import type { Problems } from "./Problems.ts"
import { readSettings, type Settings } from "./Settings.ts"
import { parseTarget } from "./Target.ts"

export interface ObjectJob {
  readonly bucket: string
  readonly key: string
  readonly settings: Settings
}

/** Reads the one argument and the flags; what is wrong is added to `problems`. */
export const readObjectJob = (
  positionals: ReadonlyArray<string>,
  texts: Parameters<typeof readSettings>[0],
  env: Environment,
  problems: Problems
): ObjectJob => {
  const [name, ...more] = positionals
  const target = problems.read("object", name, parseTarget)
  if (name === undefined || (target !== undefined && (target.path === "" || target.path.endsWith("/")))) {
    problems.add("object", "name one, such as s3://bucket/key")
  }
  if (more.length > 0) problems.add("object", `one at a time; there are ${positionals.length}`)
  return { bucket: target?.bucket ?? "", key: target?.path ?? "", settings: readSettings(texts, env, problems) }
}
