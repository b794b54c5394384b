import { UsageError } from "./Command.ts"

/** Everything that can go wrong is one clear line, or one for each thing to correct. */
export const explain = (error: unknown): ReadonlyArray<string> => {
  if (error instanceof UsageError) return error.lines.map((line) => `sluice: ${line}`)
  const message = error instanceof Error ? error.message : String(error)
  return [`sluice: ${message.replaceAll(/\s*\n\s*/g, " ")}`]
}
