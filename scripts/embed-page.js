/**
 * Writes `packages/http/src/page/document.ts` from `page.html`, so that the page is part of the code on every runtime.
 * `--check` only says whether it is up to date.
 */
import { createHash } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"

const source = new URL("../packages/http/src/page/page.html", import.meta.url)
const target = new URL("../packages/http/src/page/document.ts", import.meta.url)

const html = readFileSync(source, "utf8")

/** What CSP calls the source of an inline element: the digest of the text between its tags. @param {string} tag */
const hashOf = (tag) => {
  const text = new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`).exec(html)?.[1]
  if (text === undefined) throw new Error(`page.html has no <${tag}>`)
  return `sha256-${createHash("sha256").update(text).digest("base64")}`
}

const code = `/**
 * Written by scripts/embed-page.js from page.html; change that one.
 *
 * @module
 */

export const scriptHash = "${hashOf("script")}"
export const styleHash = "${hashOf("style")}"

export const html = \`${html.replace(/[\\`]|\$\{/g, "\\$&")}\`
`

if (!process.argv.includes("--check")) writeFileSync(target, code)
else if (readFileSync(target, "utf8") !== code) {
  console.error("document.ts is not what page.html says; run `npm run build -w @sluice/http`")
  process.exit(1)
}
