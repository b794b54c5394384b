/**
 * Runs a store for as long as its parent holds our stdin open, then ends it and removes its directory: so that neither
 * is left when a test run is interrupted or killed. Started by start-process.ts as `keep-store DIRECTORY BINARY ARGS…`.
 */
import { spawn } from "node:child_process"
import { rmSync } from "node:fs"

const [directory = "", binary = "", ...args] = process.argv.slice(2)

const server = spawn(binary, args, { cwd: directory, stdio: ["ignore", "inherit", "inherit"] })
const end = () => server.kill("SIGKILL")
// Ctrl-C reaches the whole process group: we stay to clean up, and go when the parent has gone.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end)
process.stdin.on("end", end).on("error", end).resume()

server.on("error", (error) => {
  console.error(error.message)
  finish()
})
server.on("exit", finish)

function finish(): never {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  process.exit(1)
}
