#!/usr/bin/env node
/**
 * Opens a page with a module of ours in Chromium, prints the lines that it tells, and exits 1 unless it ends with none
 * failed. The bucket is given the CORS rules that a page of another origin needs.
 *
 *   SLUICE_SMOKE='{"store":…,"witness":…}' node scripts/lib/run-page.js FILE FOLDER CHROMIUM
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { createSluice, s3 } from "@sluice/core/promise"
import { build } from "vite"

const [file = "", folder = "", chromium = ""] = process.argv.slice(2)
const setting = process.env["SLUICE_SMOKE"] ?? "{}"
const { store, witness } = JSON.parse(setting)

/** All that the engine sends and looks at, its write token among it: S3 has no wildcard for what is exposed. */
const rule = {
  ID: "a-page-that-does-all",
  AllowedOrigins: ["*"],
  AllowedMethods: ["GET", "HEAD", "PUT", "POST", "DELETE"],
  AllowedHeaders: ["*"],
  ExposeHeaders: [
    ...[
      "ETag",
      "Content-Range",
      "Date",
      "x-amz-checksum-crc32",
      "x-amz-checksum-type",
      "x-amz-meta-sluice-write-token"
    ],
    ...["x-amz-mp-parts-count", "x-amz-request-id", "x-amz-server-side-encryption", "x-amz-version-id"]
  ]
}
await using sluice = createSluice({ store: s3(store) })
await sluice.applyCors([rule])

await build({
  configFile: false,
  logLevel: "error",
  build: { lib: { entry: file, formats: ["es"], fileName: "page" }, outDir: join(folder, "page"), target: "esnext" }
})

const ended = Promise.withResolvers()
const page = createServer(async (request, response) => {
  const path = request.url ?? "/"
  if (path === "/")
    return response.setHeader("content-type", "text/html").end('<script type="module" src="page.js"></script>')
  if (path.endsWith(".js")) {
    return response.setHeader("content-type", "text/javascript").end(readFileSync(join(folder, "page", path)))
  }
  if (path === "/setting") return response.end(setting)
  if (request.method === "POST") {
    const body = await text(request)
    if (path === "/line") console.log(body)
    else ended.resolve(Number(body))
    return response.end()
  }
  // The page's own origin answers for the witness, which knows nothing of pages.
  return response.end(await (await fetch(witness + path)).text())
}).listen(0, "127.0.0.1")
await once(page, "listening")
const address = page.address()
if (address === null || typeof address === "string") throw new Error("the page has no TCP address")

const browser = spawn(
  chromium,
  [
    ...["--headless", "--disable-gpu", "--disable-dev-shm-usage", `--user-data-dir=${join(folder, "profile")}`],
    // Its sandbox does not start as root, as which CI mostly runs.
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    `http://127.0.0.1:${address.port}/`
  ],
  { stdio: "ignore" }
)
const gone = once(browser, "exit").then(() => undefined)
const failed = await Promise.race([ended.promise, gone])
browser.kill()
await gone
page.close()
page.closeAllConnections()
if (failed === undefined) console.log("  FAIL Chromium ended before its page did")
process.exitCode = failed === 0 ? 0 : 1
