#!/usr/bin/env node
/**
 * Runs the S3 behaviour suite and the engine's promises on every real store that is installed, prints the table of both,
 * and writes it into docs/stores.md when all stores were there.
 *
 *   node scripts/test-stores.js [--install]      --install first installs the stores that are missing
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { storesPage, storesTable } from "./lib/stores-table.js"
import { installTool } from "./lib/tools.js"

const root = join(import.meta.dirname, "..")
const page = join(root, "docs/stores.md")
const stores = ["minio", "versitygw", "s3s-fs", "seaweedfs"]

if (process.argv.includes("--install")) for (const store of stores) console.log(installTool(store))

const directory = mkdtempSync(join(tmpdir(), "sluice-test-stores-"))
const report = join(directory, "report.json")
try {
  const vitest = join(root, "node_modules/vitest/vitest.mjs")
  const { status } = spawnSync(process.execPath, [vitest, "run", "--config", "tests/stores/vitest.config.ts"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, SLUICE_TEST_REPORT: report }
  })
  process.exitCode = status ?? 1
  const table = storesTable(JSON.parse(readFileSync(report, "utf8")))
  console.log(`\n${table.everyCase}`)
  const missing = stores.filter((store) => !table.stores.includes(store))
  if (status !== 0) console.log("docs/stores.md stays as it is: the run is red.")
  else if (missing.length > 0) {
    console.log(`docs/stores.md stays as it is: without ${missing.join(", ")} (node scripts/test-stores.js --install).`)
  } else {
    writeFileSync(page, storesPage(readFileSync(page, "utf8"), table))
    console.log("docs/stores.md has this table.")
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}
