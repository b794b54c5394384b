import { existsSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Looks for a store's command: at the path that the variable `named` holds and nowhere else when it is set, then in
 * `.tools/bin` of this directory or one above it, then on `PATH`. `undefined` when there is none.
 */
export function findBinary(command: string, named: string, env: Environment = process.env): string | undefined {
  const path = env[named]
  const candidates = path
    ? [path]
    : [
        ...ancestors(process.cwd()).map((directory) => join(directory, ".tools", "bin", command)),
        ...(env["PATH"] ?? "").split(delimiter).map((directory) => join(directory, command))
      ]
  return candidates.find((candidate) => existsSync(candidate))
}

function ancestors(directory: string): ReadonlyArray<string> {
  const parent = dirname(directory)
  return parent === directory ? [directory] : [directory, ...ancestors(parent)]
}
