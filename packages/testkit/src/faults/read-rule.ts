import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { isOperation } from "../s3/Operation.ts"
import { placesOf } from "./FaultPlace.ts"
import type { FaultAction, FaultMatch, FaultRule } from "./FaultRule.ts"

const { Finite, Literals, Natural, String: Text, Struct, Union, optionalKey } = Schema

const number = { bytes: Natural, ms: Finite, one: Finite.check(Schema.isGreaterThanOrEqualTo(1)) }
const flag = optionalKey(Schema.Boolean)

const type = <const T extends FaultAction["type"]>(type: T) => ({ type: Literals([type]) })

const Action = Union([
  Struct({
    ...type("status"),
    status: Finite.check(Schema.isBetween({ minimum: 200, maximum: 599 })),
    code: Text,
    retryAfter: optionalKey(Finite),
    page: flag
  }),
  Struct({ ...type("ok200WithError"), code: Text, trailingNewline: flag, keepAliveWhitespace: flag }),
  Struct(type("html200")),
  Struct(type("emptyBody")),
  Struct(type("blankBody")),
  Struct(type("dropBeforeCommit")),
  Struct(type("dropAfterCommit")),
  Struct(type("duplicate")),
  Struct(type("swap")),
  Struct({ ...type("keepAlive"), everyMs: number.ms, blanks: Natural }),
  Struct(type("wrongETag")),
  Struct(type("wrongChecksum")),
  Struct(type("ignoreSse")),
  Struct(type("hideSse")),
  Struct(type("abortUpload")),
  Struct(type("expireCredentials")),
  Struct({ ...type("clockJump"), ms: number.ms }),
  Struct({ ...type("reset"), afterBytes: number.bytes }),
  Struct({ ...type("halfClose"), afterBytes: number.bytes }),
  Struct({ ...type("stall"), afterBytes: number.bytes }),
  Struct(type("hang")),
  Struct({ ...type("truncate"), afterBytes: number.bytes }),
  Struct({ ...type("corrupt"), byte: optionalKey(number.bytes) }),
  Struct({ ...type("delay"), ms: number.ms, jitterMs: optionalKey(number.ms) }),
  Struct({ ...type("slow"), bytesPerSecond: number.one }),
  Struct({ ...type("slice"), bytes: number.one }),
  Struct({ ...type("blackhole"), afterBytes: number.bytes }),
  Struct(type("refuse")),
  Struct({ ...type("connectionLimit"), max: Natural }),
  Struct({ ...type("slowClose"), ms: number.ms })
])

const Match = Struct({
  op: optionalKey(Text.pipe(Schema.refine(isOperation, { expected: "an operation of S3, as UploadPart" }))),
  bucket: optionalKey(Text),
  key: optionalKey(Text),
  uploadId: optionalKey(Text),
  partNumber: optionalKey(Natural),
  attempt: optionalKey(Natural),
  connection: optionalKey(Union([Natural, Literals(["any"])])),
  nth: optionalKey(Natural),
  probability: optionalKey(Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  phase: optionalKey(Literals(["before", "body", "after", "response"]))
})

const Rule = Struct({
  match: optionalKey(Match),
  action: Action,
  times: optionalKey(Union([Natural, Literals(["forever"])]))
})

const isRecord = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null && !Array.isArray(u)

/**
 * A rule as JSON writes it: `times` may be `"forever"`, and a `key` between slashes is a pattern. Throws a TypeError that
 * says what is wrong.
 */
export function readFaultRule(json: unknown): FaultRule {
  const named = isRecord(json) && isRecord(json["action"]) ? json["action"]["type"] : undefined
  if (typeof named === "string" && !Object.hasOwn(placesOf, named)) {
    throw new TypeError(`there is no fault "${named}"; there are ${Object.keys(placesOf).join(", ")}`)
  }
  const rule = Schema.decodeUnknownResult(Rule)(json, { onExcessProperty: "error" })
  if (Result.isFailure(rule)) throw new TypeError(rule.failure.message)
  const { action, match, times } = rule.success
  return {
    action,
    ...(match === undefined ? {} : { match: { ...match, ...keyOf(match.key) } }),
    ...(times === undefined ? {} : { times: times === "forever" ? Infinity : times })
  }
}

function keyOf(key: string | undefined): Pick<FaultMatch, "key"> {
  const pattern = key === undefined ? undefined : /^\/(.+)\/$/s.exec(key)?.[1]
  if (pattern !== undefined) return { key: new RegExp(pattern) }
  return key === undefined ? {} : { key }
}

const matchFields: Readonly<Record<keyof FaultMatch, true>> = {
  op: true,
  bucket: true,
  key: true,
  uploadId: true,
  partNumber: true,
  attempt: true,
  connection: true,
  nth: true,
  probability: true,
  phase: true
}

/** Fields whose values are words, whatever they look like. */
const words = new Set(["bucket", "key", "uploadId", "code", "op"])

/**
 * A rule in one line: the fault, then `name=value` for what it means, what it does and how often.
 *
 * @example
 * parseFaultRule("reset afterBytes=1000 op=UploadPart attempt=1 probability=0.1 times=forever")
 */
export function parseFaultRule(line: string): FaultRule {
  const [type = "", ...pairs] = line.trim().split(/\s+/)
  const match: Record<string, unknown> = {}
  const action: Record<string, unknown> = { type }
  const rule: Record<string, unknown> = { match, action }
  for (const pair of pairs) {
    const at = pair.indexOf("=")
    if (at < 1) throw new TypeError(`"${pair}" in "${line}" is not name=value`)
    const name = pair.slice(0, at)
    const place = name === "times" ? rule : Object.hasOwn(matchFields, name) ? match : action
    place[name] = valueOf(name, pair.slice(at + 1))
  }
  try {
    return readFaultRule(rule)
  } catch (error) {
    throw new TypeError(`"${line}": ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

function valueOf(name: string, text: string): unknown {
  if (words.has(name)) return text
  if (text === "true" || text === "false") return text === "true"
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
}
