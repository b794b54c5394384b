import { spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import type { Block } from "./blocks.ts"
import { pageOf, writeSnippets } from "./snippets.ts"

const root = join(import.meta.dirname, "../..")
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc")

/** The repository's strict options. An example may end with a value that nobody uses. */
const config = {
  extends: join(root, "tsconfig.base.json"),
  compilerOptions: {
    noEmit: true,
    composite: false,
    declaration: false,
    declarationMap: false,
    moduleDetection: "force",
    noUnusedLocals: false
  },
  include: ["*.ts"]
}

/** Type-checks every block as a module of its own; answers with the errors as `page:line: message`. */
export const checkTypes = (blocks: ReadonlyArray<Block>): ReadonlyArray<string> => {
  using snippets = writeSnippets(blocks)
  writeFileSync(join(snippets.directory, "tsconfig.json"), JSON.stringify(config))
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", ".", "--pretty", "false"], {
    cwd: snippets.directory,
    encoding: "utf8"
  })
  const errors = [...stdout.matchAll(/^(\S+\.ts)\((\d+),\d+\): error (.*)$/gm)].map(
    ([, name = "", line, message]) => `${pageOf(name)}:${line}: ${message}`
  )
  // Anything else that tsc complains of (its options, a crash) must not pass for no errors.
  if (status !== 0 && errors.length === 0) throw new Error(`tsc ended with ${status}: ${stdout}${stderr}`)
  return errors
}
