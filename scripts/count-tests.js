#!/usr/bin/env node
/** Prints "PASSED FAILED" of a Vitest JSON report; a file that could not be loaded is one failure. */
import { readFileSync } from "node:fs"

const report = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"))
const unloadable = report.testResults.filter(
  (/** @type {{ status: string, assertionResults: unknown[] }} */ file) =>
    file.status === "failed" && file.assertionResults.length === 0
)
console.log(report.numPassedTests, report.numFailedTests + unloadable.length)
