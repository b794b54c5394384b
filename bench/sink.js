/**
 * Compiles and runs the discarding S3 of `sink/sink.c`.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdirSync } from "node:fs"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

const source = fileURLToPath(new URL("sink/sink.c", import.meta.url))

/** Where the benchmark keeps what it makes; git-ignored. */
export const toolsDirectory = fileURLToPath(new URL(".tools/", import.meta.url))

/**
 * What a sink saw in its life.
 *
 * @typedef {object} SinkReport
 * @property {number} cpuSeconds
 * @property {number} connections
 * @property {number} requests
 * @property {number} partBytes bytes of all UploadParts
 * @property {number} objectBytes bytes of all PutObjects
 * @property {number} largestPart bytes
 * @property {number} openUploads multipart uploads that were neither completed nor aborted
 * @property {string} firstPartHead the first UploadPart's request line and headers
 */

/**
 * Compiles the sink with `$CC`, or else `cc`.
 *
 * @returns {string} the program's path
 */
export const compileSink = () => {
  const { CC: compiler = "cc" } = process.env
  const program = `${toolsDirectory}sink`
  mkdirSync(toolsDirectory, { recursive: true })
  const compiled = spawnSync(compiler, ["-std=c11", "-O2", "-Wall", "-Wextra", "-o", program, source, "-lm"], {
    encoding: "utf8"
  })
  if (compiled.error !== undefined) {
    throw new Error(
      `no C compiler: the benchmark's sink is a small C program and "${compiler}" cannot be run (${compiled.error.message}); ` +
        "install gcc or clang, or name one in CC"
    )
  }
  if (compiled.status !== 0) throw new Error(`${compiler} cannot compile bench/sink/sink.c:\n${compiled.stderr}`)
  return program
}

/**
 * Starts a sink. It ends with this process at the latest; `stop` may be called again for the same report.
 *
 * @param {string} program
 * @param {number} [partDelayMs] answers each part so long after its last byte
 * @returns {Promise<{ endpoint: string, stop: () => Promise<SinkReport> }>}
 */
export const startSink = async (program, partDelayMs = 0) => {
  const sink = spawn(program, [String(partDelayMs)], { stdio: ["pipe", "pipe", "inherit"] })
  const exited = once(sink, "exit")
  const lines = createInterface({ input: sink.stdout })[Symbol.asyncIterator]()
  const port = await lines.next()
  if (port.done === true) throw new Error("the sink did not start; its message is above")
  const report = async () => {
    sink.stdin.end() // the sink's sign to report and leave
    const line = await lines.next()
    await exited
    if (line.done === true) throw new Error("the sink ended without its report")
    return JSON.parse(line.value)
  }
  /** @type {Promise<SinkReport> | undefined} */
  let reported
  return {
    endpoint: `http://127.0.0.1:${port.value}`,
    stop: () => {
      reported ??= report()
      return reported
    }
  }
}
