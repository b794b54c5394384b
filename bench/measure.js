/**
 * What a client process does around its upload: reads the workload from the environment, measures itself, and reports
 * one line of JSON when it ends.
 *
 * @module
 */
import { readFileSync, writeSync } from "node:fs"
import { MiB } from "./workload.js"

/**
 * @typedef {object} Workload
 * @property {string} endpoint the sink
 * @property {number} size bytes
 * @property {string} file path of the file workload
 * @property {() => void} idle called by a client that has connected and waits: what it holds now is its idle memory
 */

/**
 * @typedef {object} Measurement
 * @property {number} cpuSeconds user and system time of the whole process, start-up included
 * @property {number} seconds wall time of the upload alone
 * @property {number} peakRssMiB
 * @property {number} idleRssMiB before the upload: everything imported, and where the client says so, connected
 */

/** Resident set in MiB. The peak of `getrusage` survives `exec` and so may be the parent's; `VmHWM` is our own. */
const peakRssMiB = () => {
  try {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))
    if (line !== null) return Number(line[1]) / 1024
  } catch {
    // Not Linux: what the system says has to do.
  }
  return process.resourceUsage().maxRSS / 1024
}

/**
 * Runs the upload and reports when the process has nothing left to do.
 *
 * @param {(workload: Workload) => Promise<unknown>} upload
 */
export const measure = async (upload) => {
  const { BENCH_ENDPOINT: endpoint = "", BENCH_SIZE: size = "0", BENCH_FILE: file = "" } = process.env
  let idleRssMiB = process.memoryUsage.rss() / MiB
  const idle = () => {
    idleRssMiB = process.memoryUsage.rss() / MiB
  }
  const started = performance.now()
  await upload({ endpoint, size: Number(size), file, idle })
  const seconds = (performance.now() - started) / 1000
  process.once("exit", () => {
    const { user, system } = process.cpuUsage()
    /** @type {Measurement} */
    const measurement = { cpuSeconds: (user + system) / 1e6, seconds, peakRssMiB: peakRssMiB(), idleRssMiB }
    writeSync(1, `${JSON.stringify(measurement)}\n`)
  })
}
