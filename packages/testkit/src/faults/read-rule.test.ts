import { describe, expect, it } from "vitest"
import { placesOf } from "./FaultPlace.ts"
import type { FaultAction, FaultRule } from "./FaultRule.ts"
import { faultPresets, presetFor } from "./presets.ts"
import { parseFaultRule, readFaultRule } from "./read-rule.ts"
import { seeded } from "./seeded.ts"

describe("a rule in one line", () => {
  it.each([
    ["hang", { action: { type: "hang" } }],
    [
      "status status=503 code=SlowDown op=UploadPart partNumber=2 attempt=1 times=3",
      {
        match: { op: "UploadPart", partNumber: 2, attempt: 1 },
        action: { type: "status", status: 503, code: "SlowDown" },
        times: 3
      }
    ],
    [
      "reset afterBytes=1000 connection=any probability=0.1 times=forever",
      {
        match: { connection: "any", probability: 0.1 },
        action: { type: "reset", afterBytes: 1000 },
        times: Number.POSITIVE_INFINITY
      }
    ],
    [
      "ok200WithError code=404 trailingNewline=true key=7",
      { match: { key: "7" }, action: { type: "ok200WithError", code: "404", trailingNewline: true } }
    ],
    [
      "delay ms=80 jitterMs=20 phase=after",
      { match: { phase: "after" }, action: { type: "delay", ms: 80, jitterMs: 20 } }
    ]
  ] satisfies ReadonlyArray<readonly [string, FaultRule]>)("%s", (line, rule) => {
    expect(parseFaultRule(line)).toMatchObject(rule)
  })

  it("takes a key between slashes as a pattern", () => {
    const key = parseFaultRule("emptyBody key=/^logs\\/.*\\.gz$/").match?.key
    expect(key).toEqual(/^logs\/.*\.gz$/)
  })

  it.each([
    ["explode", 'there is no fault "explode"; there are status, ok200WithError'],
    ["reset", "afterBytes"],
    ["reset afterBytes=-1", "afterBytes"],
    ["reset afterBytes=1 byte=2", "byte"],
    ["hang op=UploadParts", "an operation of S3, as UploadPart"],
    ["hang probability=2", "probability"],
    ["hang forever", '"forever" in "hang forever" is not name=value']
  ])("%s: says what is wrong", (line, words) => {
    expect(() => parseFaultRule(line)).toThrow(words)
  })
})

it("every fault can be written as JSON and reads back the same", () => {
  const samples: { readonly [T in FaultAction["type"]]: Extract<FaultAction, { type: T }> } = {
    status: { type: "status", status: 500, code: "InternalError", retryAfter: 1, page: true },
    ok200WithError: { type: "ok200WithError", code: "SlowDown", keepAliveWhitespace: true },
    html200: { type: "html200" },
    emptyBody: { type: "emptyBody" },
    blankBody: { type: "blankBody" },
    dropBeforeCommit: { type: "dropBeforeCommit" },
    dropAfterCommit: { type: "dropAfterCommit" },
    duplicate: { type: "duplicate" },
    swap: { type: "swap" },
    keepAlive: { type: "keepAlive", everyMs: 1, blanks: 2 },
    wrongETag: { type: "wrongETag" },
    wrongChecksum: { type: "wrongChecksum" },
    ignoreSse: { type: "ignoreSse" },
    hideSse: { type: "hideSse" },
    abortUpload: { type: "abortUpload" },
    expireCredentials: { type: "expireCredentials" },
    clockJump: { type: "clockJump", ms: -5 },
    reset: { type: "reset", afterBytes: 0 },
    halfClose: { type: "halfClose", afterBytes: 0 },
    stall: { type: "stall", afterBytes: 0 },
    hang: { type: "hang" },
    truncate: { type: "truncate", afterBytes: 0 },
    corrupt: { type: "corrupt", byte: 0 },
    delay: { type: "delay", ms: 1, jitterMs: 1 },
    slow: { type: "slow", bytesPerSecond: 1 },
    slice: { type: "slice", bytes: 1 },
    blackhole: { type: "blackhole", afterBytes: 0 },
    refuse: { type: "refuse" },
    connectionLimit: { type: "connectionLimit", max: 0 },
    slowClose: { type: "slowClose", ms: 1 }
  }
  expect(Object.keys(samples)).toEqual(Object.keys(placesOf))
  for (const action of Object.values(samples)) {
    expect(readFaultRule(JSON.parse(JSON.stringify({ action })))).toEqual({ action })
  }
})

it("before https a preset keeps what strikes connections", () => {
  for (const preset of ["slow", "flaky", "hostile"] as const) {
    expect(presetFor(preset, "http://127.0.0.1:9000")).toEqual(faultPresets[preset])
    const rules = presetFor(preset, "https://s3.test")
    expect(rules.length).toBeGreaterThan(0)
    expect(rules.every(({ match }) => match?.connection !== undefined)).toBe(true)
  }
})

describe("the seed", () => {
  const draw = (...about: Parameters<typeof seeded>) => {
    const random = seeded(...about)
    return Array.from({ length: 1_000 }, random)
  }

  it("gives the same numbers for the same subject, and others for another subject or seed", () => {
    expect(draw(1, "a")).toEqual(draw(1, "a"))
    expect(draw(1, "a")).not.toEqual(draw(1, "b"))
    expect(draw(1, "a")).not.toEqual(draw(2, "a"))
  })

  it("gives numbers from 0 to 1, evenly", () => {
    const numbers = draw(7)
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...numbers)).toBeLessThan(1)
    for (let tenth = 0; tenth < 10; tenth++) {
      const inside = numbers.filter((n) => Math.floor(n * 10) === tenth).length
      expect(inside).toBeGreaterThan(60)
    }
  })
})
