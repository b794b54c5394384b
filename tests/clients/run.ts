import { execFile } from "node:child_process"
import { createReadStream, existsSync } from "node:fs"
import { join } from "node:path"

/** Where scripts/install-tools.js puts a tool. One found on PATH could be any version, or none that works. */
export const toolPath = (tool: string): string => join(import.meta.dirname, "../../.tools/bin", tool)

/**
 * What a suite that needs a foreign client is called, and whether it runs: where the client is installed, and where
 * SLUICE_CLIENTS names it or is `required`, so that none goes missing in silence.
 */
export function clientTitle(tool: string): { readonly title: string; readonly skip: boolean } {
  const demanded = (process.env["SLUICE_CLIENTS"] ?? "").split(/[ ,]+/)
  const skip = !existsSync(toolPath(tool)) && !demanded.includes(tool) && !demanded.includes("required")
  return { skip, title: skip ? `${tool} (skipped: not installed; node scripts/install-tools.js ${tool})` : tool }
}

export interface RunOptions {
  /** All that it gets of an environment, but PATH. */
  readonly env: Readonly<Record<string, string>>
  /** A file that it gets as its standard input. */
  readonly stdin?: string
}

/** Runs a program to its end and answers with what it wrote; rejects with what it complained about. */
export const run = (program: string, args: ReadonlyArray<string>, { env, stdin }: RunOptions): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { env: { PATH: process.env["PATH"], ...env }, maxBuffer: 16 * 2 ** 20 }
    const child = execFile(program, [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${program} ${args.join(" ")} ended with ${error.code}: ${stderr}${stdout}`))
    })
    if (stdin === undefined) child.stdin?.end()
    else if (child.stdin !== null) createReadStream(stdin).pipe(child.stdin)
  })
