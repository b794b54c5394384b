#!/usr/bin/env node
/** Prints "PASSED FAILED" of a Vitest JSON report; a file that fails without a failed test (a hook, a typo) counts once. */
import { readFileSync } from "node:fs"

/** @typedef {{ status: string, assertionResults: Array<{ status: string }> }} TestFile */
const report = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"))
const brokenFiles = report.testResults.filter(
  (/** @type {TestFile} */ file) =>
    file.status === "failed" && file.assertionResults.every(({ status }) => status !== "failed")
)
console.log(report.numPassedTests, report.numFailedTests + brokenFiles.length)
