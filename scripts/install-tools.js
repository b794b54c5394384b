#!/usr/bin/env node
/**
 * Installs pinned tools into `.tools` and says one line for each.
 *
 *   node scripts/install-tools.js NAME…      the names are those of tools.json
 */
import { installTool, tools } from "./lib/tools.js"

const names = process.argv.slice(2)
if (names.length === 0) {
  console.error(`Name what to install: ${Object.keys(tools).join(", ")}`)
  process.exit(2)
}
for (const name of names) {
  try {
    console.log(installTool(name))
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
