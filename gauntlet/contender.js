/**
 * One rival's process: started, told to begin, interrupted, killed, and watched until it says how it ended.
 *
 * @module
 */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"

/**
 * How a contender says that it ended. `ok` and `error` are its own words (or exit codes); `ended`: its process was gone
 * without a word; `hung`: it was still there when its time was up.
 *
 * @typedef {object} End
 * @property {"ok" | "error" | "ended" | "hung"} how
 * @property {string} message its error in one line, "" where there is none
 * @property {number} at when, by performance.now()
 */

/** Resident memory of a process and its children, MiB. */
const memoryOf = (/** @type {number} */ pid, /** @type {"VmRSS" | "VmHWM"} */ what) => {
  let kiB = 0
  for (const id of [pid, ...childrenOf(pid)]) {
    try {
      kiB += Number(
        new RegExp(`^${what}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1] ?? 0
      )
    } catch {
      // It has just ended, or this is not Linux.
    }
  }
  return kiB / 1024
}

/** @param {number} pid @returns {ReadonlyArray<number>} */
const childrenOf = (pid) => {
  try {
    const ids = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number)
    return ids.flatMap((id) => [id, ...childrenOf(id)])
  } catch {
    return []
  }
}

/** What a command wrote last that says something. */
const lastLine = (/** @type {string} */ text) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /[a-z]{3}/i.test(line))
    .at(-1) ?? ""

/**
 * A command whose stream is made up gets it from another process, which costs this one nothing.
 *
 * @param {import("./rivals.js").Command} command
 * @param {import("./clients/play.js").Job} job
 * @returns {import("./rivals.js").Command}
 */
const withStream = (command, { endless }) => {
  if (endless === undefined || command.stdin !== "body") return command
  const pipe = 'head -c "$0" /dev/zero | "$@"'
  return {
    ...command,
    command: "sh",
    args: ["-c", pipe, `${endless}`, command.command, ...command.args],
    stdin: "none"
  }
}

/**
 * Starts a contender and waits until it is ready to begin.
 *
 * @param {import("./rivals.js").Rival} rival
 * @param {import("./clients/play.js").Job} job
 * @param {{ limitMs: number }} options how long it may take, from its start to its end
 */
export const startContender = async (rival, job, { limitMs }) => {
  const { command, args, env = {}, stdin } = withStream(rival.start(job), job)
  const child = spawn(command, args, {
    // A process group of its own: what it starts is killed with it.
    detached: true,
    stdio: [stdin === "none" ? "ignore" : "pipe", "pipe", "pipe"],
    // Nothing of the caller's, so that defaults are defaults.
    env: {
      PATH: process.env["PATH"],
      HOME: job.state,
      TMPDIR: job.state,
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
      AWS_EC2_METADATA_DISABLED: "true",
      GAUNTLET_JOB: JSON.stringify(job),
      ...env
    }
  })
  const pid = child.pid ?? 0
  const signal = (/** @type {NodeJS.Signals} */ name, /** @type {number} */ to) => {
    try {
      if (pid > 0) process.kill(to, name)
    } catch {
      // It is gone.
    }
  }

  let errors = ""
  child.stderr?.on("data", (data) => {
    errors = `${errors}${data}`.slice(-8_192)
  })
  child.stdin?.on("error", () => undefined) // it ends before its input does

  const ready = Promise.withResolvers()
  /** @type {PromiseWithResolvers<End>} */
  const settled = Promise.withResolvers()
  const gone = Promise.withResolvers()
  const end = (/** @type {End["how"]} */ how, message = "") => settled.resolve({ how, message, at: performance.now() })

  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line === "ready") ready.resolve(undefined)
      if (!line.startsWith("settled ")) return
      const { ok, message } = JSON.parse(line.slice("settled ".length))
      end(ok === true ? "ok" : "error", message)
    })
  }
  child.once("error", (error) => {
    end("ended", error.message)
    ready.resolve(undefined)
    gone.resolve(undefined)
  })
  child.once("close", (code, killedBy) => {
    if (stdin !== "job" && killedBy === null) end(code === 0 ? "ok" : "error", code === 0 ? "" : lastLine(errors))
    end("ended", killedBy === null ? lastLine(errors) : `ended by ${killedBy}`)
    ready.resolve(undefined)
    gone.resolve(undefined)
  })
  const limit = setTimeout(() => {
    end("hung")
    signal("SIGKILL", -pid)
  }, limitMs)
  gone.promise.then(() => clearTimeout(limit))

  let peak = 0
  const watching = setInterval(() => {
    peak = Math.max(peak, memoryOf(pid, "VmHWM"))
  }, 20)
  gone.promise.then(() => clearInterval(watching))

  // A command reads its standard input, where nothing is yet: it is as ready as it gets.
  if (stdin === "job") await ready.promise
  else if (stdin === "body") await sleep(500)
  const idle = memoryOf(pid, "VmRSS")

  return {
    /** The moment it was told to begin. */
    begin: () => {
      if (stdin === "job") child.stdin?.write("go\n")
      return performance.now()
    },
    /** Where its stream goes, if it reads one from its standard input. */
    input: stdin === "body" ? child.stdin : null,
    settled: settled.promise,
    /** Resolves when the process has ended, at the latest at its limit. */
    gone: gone.promise,
    /** What Ctrl-C does. */
    interrupt: () => {
      signal("SIGINT", pid)
      return performance.now()
    },
    kill: () => signal("SIGKILL", -pid),
    /** MiB above what it held before it began. */
    peak: () => Math.max(0, Math.max(peak, memoryOf(pid, "VmHWM")) - idle)
  }
}
