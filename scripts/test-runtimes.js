#!/usr/bin/env node
/**
 * Runs tests/runtimes (the engine's promises over the SDK and over fetch, then the conformance suite of both stores) under
 * Node, Bun and Deno, and what of it needs neither files nor the SDK in workerd and in Chromium, against an embedded S3
 * server in this process, so that the runtime under test is never its own witness. Bun, Deno and workerd come from
 * tools.json; Chromium is left out where the machine has none.
 *
 *   node scripts/test-runtimes.js [node] [bun] [deno] [workerd] [chromium]
 */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { startS3 } from "@sluice/testkit"
import { installTool, toolPath, tools } from "./lib/tools.js"
import { writeWorker } from "./lib/workerd.js"

const root = join(import.meta.dirname, "..")
const bucket = "runtimes"
const limitMs = 120_000

/**
 * One run of a file: the store that it is told to use, where it has a choice, and what a worker is compiled with.
 *
 * @typedef {{ file: string, over?: string, flags?: readonly string[] }} Run
 * @typedef {{ runs: readonly Run[], command: (run: Run, setting: string, folder: string) => string[] | Promise<string[]> }} Runtime
 */

/** @type {readonly Run[]} */
const everything = [
  { file: "smoke.js", over: "client-s3" },
  { file: "smoke.js", over: "fetch" },
  { file: "conformance.js" }
]

/** @type {Record<string, Runtime>} */
const runtimes = {
  node: { runs: everything, command: ({ file }) => [process.execPath, pathOf(file)] },
  bun: { runs: everything, command: ({ file }) => [toolPath("bun"), "run", pathOf(file)] },
  deno: {
    runs: everything,
    command: ({ file }) => [toolPath("deno"), "run", "-A", "--quiet", "--node-modules-dir=manual", pathOf(file)]
  },
  workerd: {
    runs: [{ file: "edge.js", flags: ["no_nodejs_compat"] }, { file: "edge.js" }, { file: "edge-conformance.js" }],
    command: async ({ file, flags = [] }, setting, folder) => {
      const worker = { file: pathOf(file), folder, flags, bindings: { SLUICE_SMOKE: setting } }
      return [toolPath("workerd"), "test", await writeWorker(worker)]
    }
  },
  chromium: {
    runs: [{ file: "browser.js" }],
    command: ({ file }, _, folder) => {
      const script = join(import.meta.dirname, "lib", "run-page.js")
      return [process.execPath, script, pathOf(file), folder, onPath("chromium") ?? "chromium"]
    }
  }
}

/** @param {string} command */
const onPath = (command) =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, command))
    .find((path) => existsSync(path))

/** @param {string} file */
const pathOf = (file) => join(root, "tests", "runtimes", file)

/** @param {string} name @param {Runtime["command"]} command @param {Run} run */
async function passes(name, command, run) {
  const { file, flags = [], over } = run
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

  console.log(
    `${name}, ${file}${over === undefined ? "" : ` over ${over}`}${flags.map((flag) => `, ${flag}`).join("")}:`
  )
  const { endpoint, region, credentials } = server
  const setting = JSON.stringify({
    store: { bucket, endpoint, region, credentials, forcePathStyle: true },
    over,
    witness: `http://127.0.0.1:${address.port}`
  })
  const folder = mkdtempSync(join(tmpdir(), "sluice-runtimes-"))
  const [executable = "", ...args] = await command(run, setting, folder)
  const child = spawn(executable, args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, SLUICE_SMOKE: setting },
    timeout: limitMs
  })
  const [code, signal] = await once(child, "exit")
  rmSync(folder, { recursive: true })
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
  const runtime = runtimes[name]
  if (runtime === undefined) throw new Error(`${name} is not one of ${Object.keys(runtimes).join(", ")}`)
  if (name === "chromium" && asked.length === 0 && onPath(name) === undefined) {
    console.log("chromium: not on this machine, left out")
    continue
  }
  if (name in tools) console.log(installTool(name))
  for (const run of runtime.runs) if (!(await passes(name, runtime.command, run))) failed++
}
console.log(failed === 0 ? "runtimes: all passed" : `runtimes: ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
