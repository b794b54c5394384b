import { UsageError } from "./Command.ts"

/** Everything that can go wrong is one clear line, or one for each thing to correct. */
export const explain = (error: unknown): ReadonlyArray<string> => {
  if (error instanceof UsageError) return error.lines.map((line) => `sluice: ${line}`)
  // parseArgs goes on about positional arguments that begin with a hyphen.
  if (error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")) {
    return [
      `sluice: ${error.message.replace(/\. To specify a positional argument[\s\S]*$/, "")}; --help lists the flags`
    ]
  }
  const message = error instanceof Error ? error.message : String(error)
  return [`sluice: ${message.replaceAll(/\s*\n\s*/g, " ")}`]
}
