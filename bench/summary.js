/**
 * From the rounds to the numbers: medians, spread and the ratios of the issue. Pure.
 *
 * @module
 */
import { GiB, MiB } from "./workload.js"

/**
 * One client's run in one round.
 *
 * @typedef {object} Run
 * @property {string} name
 * @property {number} cpuSecondsPerGiB
 * @property {number} mibPerSecond
 * @property {number} peakRssMiB
 * @property {number} connections
 * @property {number} sinkCpuSecondsPerGiB
 */

/** @typedef {{ median: number, min: number, max: number }} Spread */

/**
 * @param {number} size bytes
 * @param {string} name
 * @param {import("./measure.js").Measurement} measured
 * @param {import("./sink.js").SinkReport} sink
 * @returns {Run}
 */
export const toRun = (size, name, measured, sink) => ({
  name,
  cpuSecondsPerGiB: measured.cpuSeconds / (size / GiB),
  mibPerSecond: size / MiB / measured.seconds,
  peakRssMiB: measured.peakRssMiB,
  connections: sink.connections,
  sinkCpuSecondsPerGiB: sink.cpuSeconds / (size / GiB)
})

/**
 * @param {ReadonlyArray<number>} values at least one
 * @returns {Spread}
 */
export const spread = (values) => {
  const sorted = values.toSorted((a, b) => a - b)
  /** @param {number} index */
  const at = (index) => sorted[index] ?? Number.NaN
  const middle = (sorted.length - 1) / 2
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    min: at(0),
    max: at(sorted.length - 1)
  }
}

/** @param {Run} run */
const cpu = (run) => run.cpuSecondsPerGiB
/** @param {Run} run */
const wall = (run) => 1 / run.mibPerSecond

/**
 * A ratio divides what two clients took within one round, where both met the same machine.
 *
 * @typedef {{ of: (run: Run) => number, dividend: string, divisor: string }} Ratio
 * @satisfies {Record<string, Ratio>}
 */
const ratios = {
  fileVsLoop: { of: cpu, dividend: "sluice-file", divisor: "loop-file" },
  fileVsLibStorage: { of: cpu, dividend: "lib-storage-file", divisor: "sluice-file" },
  streamVsLibStorage: { of: cpu, dividend: "lib-storage-stream", divisor: "sluice-stream" },
  tlsFileVsLoop: { of: cpu, dividend: "sluice-tls-file", divisor: "loop-tls-file" },
  tlsFileVsLibStorage: { of: cpu, dividend: "lib-storage-tls-file", divisor: "sluice-tls-file" },
  nativeFileVsLoop: { of: cpu, dividend: "sluice-native-file", divisor: "loop-file" },
  spansOnVsOff: { of: cpu, dividend: "sluice-effect-spans", divisor: "sluice-effect-plain" },
  idlePluginsVsNone: { of: cpu, dividend: "sluice-effect-plugins", divisor: "sluice-effect-plain" },
  md5VsLoop: { of: cpu, dividend: "sluice-md5-workers", divisor: "loop-md5-file" },
  md5WorkersVsInline: { of: wall, dividend: "sluice-md5-workers", divisor: "sluice-md5-inline" }
}

/**
 * @param {ReadonlyArray<ReadonlyArray<Run>>} rounds
 * @param {Ratio} ratio
 * @returns {Spread | null} null where a row did not run
 */
const ratioOf = (rounds, { of, dividend, divisor }) => {
  const values = rounds.flatMap((round) => {
    const above = round.find((run) => run.name === dividend)
    const below = round.find((run) => run.name === divisor)
    return above === undefined || below === undefined ? [] : [of(above) / of(below)]
  })
  return values.length === 0 ? null : spread(values)
}

/** @param {ReadonlyArray<ReadonlyArray<Run>>} rounds */
export const summarize = (rounds) => {
  const runs = rounds.flat()
  const names = [...new Set(runs.map((run) => run.name))]
  return {
    rows: names.map((name) => {
      const own = runs.filter((run) => run.name === name)
      return {
        name,
        cpuSecondsPerGiB: spread(own.map((run) => run.cpuSecondsPerGiB)),
        mibPerSecond: spread(own.map((run) => run.mibPerSecond)),
        peakRssMiB: spread(own.map((run) => run.peakRssMiB)),
        connections: spread(own.map((run) => run.connections)),
        sinkCpuSecondsPerGiB: spread(own.map((run) => run.sinkCpuSecondsPerGiB))
      }
    }),
    ratios: {
      fileVsLoop: ratioOf(rounds, ratios.fileVsLoop),
      fileVsLibStorage: ratioOf(rounds, ratios.fileVsLibStorage),
      streamVsLibStorage: ratioOf(rounds, ratios.streamVsLibStorage),
      tlsFileVsLoop: ratioOf(rounds, ratios.tlsFileVsLoop),
      tlsFileVsLibStorage: ratioOf(rounds, ratios.tlsFileVsLibStorage),
      nativeFileVsLoop: ratioOf(rounds, ratios.nativeFileVsLoop),
      spansOnVsOff: ratioOf(rounds, ratios.spansOnVsOff),
      idlePluginsVsNone: ratioOf(rounds, ratios.idlePluginsVsNone),
      md5VsLoop: ratioOf(rounds, ratios.md5VsLoop),
      md5WorkersVsInline: ratioOf(rounds, ratios.md5WorkersVsInline)
    }
  }
}

/** @typedef {ReturnType<typeof summarize>} Summary */

/**
 * The file of `--json`: medians only, in the shape that is agreed.
 *
 * @param {Summary} summary
 */
export const toJson = (summary) => ({
  rows: summary.rows.map((row) => ({
    name: row.name,
    cpuSecondsPerGiB: row.cpuSecondsPerGiB.median,
    mibPerSecond: row.mibPerSecond.median,
    peakRssMiB: row.peakRssMiB.median
  })),
  ratios: {
    fileVsLoop: summary.ratios.fileVsLoop?.median ?? null,
    fileVsLibStorage: summary.ratios.fileVsLibStorage?.median ?? null,
    streamVsLibStorage: summary.ratios.streamVsLibStorage?.median ?? null,
    tlsFileVsLoop: summary.ratios.tlsFileVsLoop?.median ?? null,
    tlsFileVsLibStorage: summary.ratios.tlsFileVsLibStorage?.median ?? null,
    nativeFileVsLoop: summary.ratios.nativeFileVsLoop?.median ?? null,
    spansOnVsOff: summary.ratios.spansOnVsOff?.median ?? null,
    idlePluginsVsNone: summary.ratios.idlePluginsVsNone?.median ?? null,
    md5VsLoop: summary.ratios.md5VsLoop?.median ?? null,
    md5WorkersVsInline: summary.ratios.md5WorkersVsInline?.median ?? null
  }
})

/**
 * @param {Spread} value
 * @param {number} digits
 */
const show = (value, digits) =>
  `${value.median.toFixed(digits)} (${value.min.toFixed(digits)}–${value.max.toFixed(digits)})`

/**
 * @param {Summary} summary
 * @returns {string}
 */
export const toTable = (summary) => {
  const lines = [
    ["client", "CPU s/GiB", "MiB/s", "peak RSS MiB", "connections", "sink CPU s/GiB"],
    ...summary.rows.map((row) => [
      row.name,
      show(row.cpuSecondsPerGiB, 2),
      show(row.mibPerSecond, 0),
      show(row.peakRssMiB, 0),
      row.connections.median.toFixed(0),
      row.sinkCpuSecondsPerGiB.median.toFixed(2)
    ])
  ]
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? []
  const table = lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  )
  const found = Object.entries(summary.ratios).map(
    ([name, value]) => `${name} = ${value === null ? "not measured (a row of it did not run)" : show(value, 2)}`
  )
  return [...table, "", ...found].join("\n")
}

/**
 * What a client sent with its first part, without what differs between any two requests.
 *
 * @param {string} head request line and headers
 * @returns {string[]}
 */
export const partHeaders = (head) =>
  head
    .split("\r\n")
    .slice(1)
    .filter((line) => line !== "")
    .map((line) => line.replace(/^(authorization: \S+).*$/i, "$1 …"))
    .toSorted()
