/**
 * `sluice chaos`: any S3 endpoint, with faults on demand.
 *
 * @module
 */
import { randomInt } from "node:crypto"
import { readFile } from "node:fs/promises"
import { parseArgs } from "node:util"
import type { FaultHit, FaultProxy, FaultRule } from "@sluice/testkit/faults"
import { type Command, exitCode, type Flags, UsageError, type World } from "../Command.ts"

const presets = ["slow", "flaky", "hostile"] as const
const seeds = 2 ** 32

const flags = {
  target: { type: "string", value: "URL", help: "the endpoint to stand before, http or https" },
  port: { type: "string", value: "N", help: "port on 127.0.0.1 (default: a free one)" },
  seed: { type: "string", value: "S", help: "what chance decides; printed, so that a run can be had again" },
  preset: { type: "string", value: "NAME", help: presets.join(", ") },
  rule: { type: "string", multiple: true, value: "RULE", help: '"FAULT name=value …", again for more' },
  rules: { type: "string", value: "FILE", help: "a JSON array of rules" }
} as const satisfies Flags

export const chaos: Command = {
  name: "chaos",
  takes: "--target URL",
  summary: "Stands before an S3 endpoint with faults on demand, and tells each one.",
  details: [
    'A rule is a fault and whom it strikes: "status status=503 code=SlowDown op=UploadPart partNumber=2",',
    '"reset afterBytes=100000 connection=any probability=0.1 times=forever". It strikes once unless times= says more.',
    "Requests can be struck before http, connections before http and https. docs/testkit.md lists the faults.",
    "",
    "The same seed, rules and requests give the same faults. AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are used",
    "for the fault abortUpload alone. Ctrl-C ends it."
  ],
  flags,
  run: async (args, world) => {
    const { values } = parseArgs({ args: [...args], options: flags })
    // Loaded here: `sluice --help` needs no proxy.
    const testkit = await import("@sluice/testkit/faults")
    const { port, rules, seed, target } = await readOptions(values, testkit)
    await using proxy = await start(testkit.faultProxy, { target, port, seed, rules }, world)
    world.out(`chaos  ${proxy.endpoint}  before ${target}`)
    world.out(`seed   ${seed}${values.seed === undefined ? "  (--seed to have these faults again)" : ""}`)
    await aborted(world.signal)
    const { connections } = proxy.traffic()
    world.err(`sluice: faults: ${proxy.faults.hits.length}, connections: ${connections}, seed: ${seed}`)
    return exitCode.done
  }
}

type Testkit = typeof import("@sluice/testkit/faults")

interface Values {
  readonly target?: string | undefined
  readonly port?: string | undefined
  readonly seed?: string | undefined
  readonly preset?: string | undefined
  readonly rule?: ReadonlyArray<string> | undefined
  readonly rules?: string | undefined
}

interface Options {
  readonly target: string
  readonly port: number
  readonly seed: number
  readonly rules: ReadonlyArray<FaultRule>
}

const isPreset = (name: string): name is (typeof presets)[number] => presets.some((preset) => preset === name)

const isEndpoint = (url: string): boolean => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)

async function readOptions(
  { target, port, seed, preset, rule = [], rules }: Values,
  testkit: Testkit
): Promise<Options> {
  const problems: Array<string> = []
  const number = (name: string, text: string | undefined, limit: number, otherwise: () => number): number => {
    if (text === undefined) return otherwise()
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (!(value < limit)) problems.push(`--${name} ${text}: a number from 0 to ${limit - 1}`)
    return value
  }
  const told = async <A>(flag: string, read: () => A | Promise<A>): Promise<ReadonlyArray<A>> => {
    try {
      return [await read()]
    } catch (error) {
      problems.push(`${flag}: ${error instanceof Error ? error.message : String(error)}`)
      return []
    }
  }
  if (target === undefined || !isEndpoint(target)) problems.push("--target: an http or https endpoint")
  if (preset !== undefined && !isPreset(preset)) problems.push(`--preset ${preset}: one of ${presets.join(", ")}`)
  const options = {
    target: target === undefined || !isEndpoint(target) ? "" : new URL(target).origin,
    port: number("port", port, 65_536, () => 0),
    seed: number("seed", seed, seeds, () => randomInt(seeds)),
    rules: [
      ...(preset !== undefined && isPreset(preset) && target !== undefined ? testkit.presetFor(preset, target) : []),
      ...(rules === undefined ? [] : (await told("--rules", () => rulesOf(rules, testkit))).flat()),
      ...(await Promise.all(rule.map((line) => told("--rule", () => testkit.parseFaultRule(line))))).flat()
    ]
  }
  if (problems.length > 0) throw new UsageError(problems)
  if (options.rules.length === 0) throw new UsageError(["name faults: --preset, --rule or --rules"])
  return options
}

async function rulesOf(file: string, { readFaultRule }: Testkit): Promise<ReadonlyArray<FaultRule>> {
  const json: unknown = JSON.parse(await readFile(file, "utf8"))
  if (!Array.isArray(json)) throw new TypeError(`${file} holds no array of rules`)
  return json.map(readFaultRule)
}

async function start(faultProxy: Testkit["faultProxy"], options: Options, { env, out }: World): Promise<FaultProxy> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION: region } = env
  const access = accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey } } : {}
  try {
    return await faultProxy({
      ...options,
      ...access,
      ...(region ? { region } : {}),
      onHit: (hit) => out(describeHit(hit))
    })
  } catch (error) {
    // A rule that cannot strike before this endpoint.
    if (error instanceof TypeError) throw new UsageError([error.message])
    const code = error instanceof Error && "code" in error ? error.code : undefined
    if (code === "EADDRINUSE") throw new Error(`port ${options.port} is in use; --port names another, 0 a free one`)
    throw error
  }
}

const describeHit = ({ action, attempt, bucket, connection, key, op, partNumber }: FaultHit): string =>
  [
    action.padEnd(16),
    ...(connection === undefined ? [] : [`connection ${connection}`]),
    ...(op === undefined ? [] : [op]),
    ...(bucket === undefined || bucket === "" ? [] : [`s3://${bucket}/${key ?? ""}`]),
    ...(partNumber === undefined ? [] : [`part ${partNumber}`]),
    ...(attempt === undefined ? [] : [`attempt ${attempt}`])
  ].join(" ")

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener("abort", () => resolve(), { once: true })
  })
