/**
 * Where a client's main thread spent its time, from V8's CPU profiler (`--profile`).
 *
 * @module
 */
import { globSync, readFileSync } from "node:fs"
import { toolsDirectory } from "./sink.js"

/** Functions shown. */
const shown = 20

/** @param {string} name a row's */
export const profileDirectory = (name) => `${toolsDirectory}profiles/${name}`

/**
 * @typedef {{ id: number, callFrame: { functionName: string, url: string, lineNumber: number } }} Node
 * @typedef {{ nodes: Node[], samples: number[], timeDeltas: number[] }} Profile
 */

/**
 * Self time by function, longest first.
 *
 * @param {Profile} profile
 * @returns {Array<{ where: string, milliseconds: number }>}
 */
export const selfTimes = ({ nodes, samples, timeDeltas }) => {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const file = url.replace(/^.*\/(node_modules|packages|bench)\//, "$1/")
      return [id, `${functionName || "(anonymous)"} ${file === "" ? "" : `${file}:${lineNumber + 1}`}`.trimEnd()]
    })
  )
  /** @type {Map<string, number>} */
  const times = new Map()
  samples.forEach((id, index) => {
    const where = names.get(id) ?? "?"
    times.set(where, (times.get(where) ?? 0) + (timeDeltas[index] ?? 0) / 1000)
  })
  return [...times]
    .map(([where, milliseconds]) => ({ where, milliseconds }))
    .sort((a, b) => b.milliseconds - a.milliseconds)
}

/** @param {string} name a row's */
export const printProfile = (name) => {
  const newest = globSync(`${profileDirectory(name)}/*.cpuprofile`)
    .sort()
    .at(-1)
  if (newest === undefined) return
  const times = selfTimes(JSON.parse(readFileSync(newest, "utf8")))
  console.log(`self time on the main thread (${newest}):`)
  for (const { where, milliseconds } of times.slice(0, shown)) {
    console.log(`  ${milliseconds.toFixed(0).padStart(6)} ms  ${where}`)
  }
}
