import { expect, it } from "vitest"
import { spread, summarize, toJson } from "./summary.js"

/**
 * @param {string} name
 * @param {number} cpuSecondsPerGiB
 */
const run = (name, cpuSecondsPerGiB) => ({
  name,
  cpuSecondsPerGiB,
  mibPerSecond: 100,
  peakRssMiB: 90,
  connections: 4,
  sinkCpuSecondsPerGiB: 0.1
})

it("a ratio is the median of the rounds' ratios, not the ratio of the medians", () => {
  const rounds = [
    [run("loop-file", 1), run("sluice-file", 1)],
    [run("loop-file", 2), run("sluice-file", 6)],
    [run("loop-file", 4), run("sluice-file", 8)]
  ]
  expect(toJson(summarize(rounds))).toEqual({
    rows: [
      { name: "loop-file", cpuSecondsPerGiB: 2, mibPerSecond: 100, peakRssMiB: 90 },
      { name: "sluice-file", cpuSecondsPerGiB: 6, mibPerSecond: 100, peakRssMiB: 90 }
    ],
    ratios: {
      fileVsLoop: 2,
      fileVsLibStorage: null,
      streamVsLibStorage: null,
      tlsFileVsLoop: null,
      tlsFileVsLibStorage: null,
      nativeFileVsLoop: null,
      spansOnVsOff: null,
      idlePluginsVsNone: null,
      md5VsLoop: null,
      md5WorkersVsInline: null
    }
  })
})

it("the median of an even count lies between the middle two", () => {
  expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 })
})
