#!/usr/bin/env node
/**
 * Runs tests/runtimes (the engine's promises over the SDK and over fetch, then the conformance suite of both stores) under
 * Node, Bun and Deno, against an embedded S3 server in this process, so that the runtime under test is never its own
 * witness. Bun and Deno come from tools.json.
 *
 *   node scripts/test-runtimes.js [node] [bun] [deno]
 */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { createServer } from "node:http"
import { join } from "node:path"
import { startS3 } from "@sluice/testkit"
import { installTool, toolPath } from "./lib/tools.js"

const root = join(import.meta.dirname, "..")
const bucket = "runtimes"
const limitMs = 120_000

/** @type {Record<string, () => string[]>} */
const runtimes = {
  node: () => [process.execPath],
  bun: () => [installed("bun"), "run"],
  deno: () => [installed("deno"), "run", "-A", "--quiet", "--node-modules-dir=manual"]
}

/** @param {string} name */
function installed(name) {
  console.log(installTool(name))
  return toolPath(name)
}

/** What each runtime runs: a file, and the store that it is told to use, where it has a choice. */
const runs = [
  { file: "smoke.js", over: "client-s3" },
  { file: "smoke.js", over: "fetch" },
  { file: "conformance.js", over: undefined }
]

/** @param {string} name @param {string[]} command @param {(typeof runs)[number]} run */
async function passes(name, [executable = "", ...args], { file, over }) {
  await using server = await startS3({ buckets: [bucket] })
  const witness = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://witness")
    const object = await server.object(bucket, searchParams.get("key") ?? "")
    const answer = pathname === "/open-uploads" ? server.openUploads() : ((object && describe(object)) ?? null)
    response.setHeader("content-type", "application/json").end(JSON.stringify(answer))
  }).listen(0, "127.0.0.1")
  await once(witness, "listening")
  const address = witness.address()
  if (address === null || typeof address === "string") throw new Error("the witness has no TCP address")

  console.log(`${name}, ${file}${over === undefined ? "" : ` over ${over}`}:`)
  const { endpoint, region, credentials } = server
  const smoke = {
    store: { bucket, endpoint, region, credentials, forcePathStyle: true },
    over,
    witness: `http://127.0.0.1:${address.port}`
  }
  const child = spawn(executable, [...args, `tests/runtimes/${file}`], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, SLUICE_SMOKE: JSON.stringify(smoke) },
    timeout: limitMs
  })
  const [code, signal] = await once(child, "exit")
  witness.close()
  witness.closeAllConnections()
  if (signal !== null) console.log(`  FAIL ${name} did not end within ${limitMs / 1000} s`)
  return code === 0
}

/** @param {Uint8Array} object */
function describe(object) {
  return { size: object.length, sha256: createHash("sha256").update(object).digest("hex") }
}

const asked = process.argv.slice(2)
let failed = 0
for (const name of asked.length > 0 ? asked : Object.keys(runtimes)) {
  const command = runtimes[name]
  if (command === undefined) throw new Error(`${name} is not one of ${Object.keys(runtimes).join(", ")}`)
  const executable = command()
  for (const run of runs) if (!(await passes(name, executable, run))) failed++
}
console.log(failed === 0 ? "runtimes: all passed" : `runtimes: ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
