/**
 * `sluice advice`: what an upload of some size would take. Asks no store.
 *
 * @module
 */
import { parseArgs } from "node:util"
import { type Advice, advise } from "@sluice/core/Advice"
import { profiles } from "@sluice/core/Limits"
import * as Result from "effect/Result"
import { type Command, exitCode, type Flags, UsageError } from "../Command.ts"
import { parseOption, parseProvider, readConfig } from "../Config.ts"
import { Problems } from "../Problems.ts"
import { formatSize, parseSize } from "../units.ts"

const flags = {
  size: { type: "string", value: "SIZE", help: "of the object, as 50GiB" },
  provider: { type: "string", value: "NAME", help: "whose limits (default: SLUICE_PROVIDER, else aws)" },
  "part-size": { type: "string", value: "SIZE", help: "bytes a part (default: SLUICE_PART_SIZE, else 8MiB)" },
  concurrency: { type: "string", value: "N", help: "parts in flight, 1 to 256 (default: 4)" },
  json: { type: "boolean", help: "print it as one line of JSON, sizes in bytes" }
} as const satisfies Flags

export const advice: Command = {
  name: "advice",
  takes: "--size SIZE",
  summary: "Says what an upload of some size would take: parts, memory, requests. Asks no store.",
  details: [
    "The part size is the one that the engine takes by itself.",
    "",
    "Exit codes: 0 done, 1 no such object can be stored, 2 not understood."
  ],
  flags,
  run: async (args, { env, out }) => {
    const { values } = parseArgs({ args: [...args], options: flags })
    const problems = new Problems()
    const config = readConfig(env)
    if (Result.isFailure(config)) problems.lines.push(...config.failure)
    const ambient = Result.isSuccess(config) ? config.success : undefined
    const size = problems.read("--size", values.size, parseSize)
    if (values.size === undefined) problems.add("--size", "missing; as in --size 50GiB")
    const provider = problems.read("--provider", values.provider, parseProvider) ?? ambient?.store.provider ?? "aws"
    const partSize = problems.read("--part-size", values["part-size"], parseOption("partSize"))
    const concurrency = problems.read("--concurrency", values.concurrency, parseOption("concurrency"))
    if (size === undefined || problems.lines.length > 0) throw new UsageError(problems.lines)
    const options = {
      ...ambient?.engine,
      ...(partSize === undefined ? {} : { partSize }),
      ...(concurrency === undefined ? {} : { concurrency })
    }
    const advised = advise({ ...options, size }, profiles[provider])
    if (Result.isFailure(advised)) throw advised.failure
    if (values.json === true) out(JSON.stringify({ provider, size, ...advised.success }))
    else for (const line of linesOf(advised.success)) out(line)
    return exitCode.done
  }
}

const count = (n: number): string => n.toLocaleString("en")

/** us-east-1, S3 Standard, 2026: what the class of PUT, COPY, POST and LIST costs a thousand. */
const dollarsPerThousand = 0.005

const dollars = (requests: number): string => {
  const cost = (requests * dollarsPerThousand) / 1000
  return cost < 0.01 ? "less than $0.01" : `$${cost.toFixed(2)}`
}

const linesOf = (advice: Advice): ReadonlyArray<string> => {
  const { maxPartSize, maxParts, memory, minPartSize, mode, partSize, parts, twoPasses, writeRequests } = advice
  const cost = `requests   ${count(writeRequests)} of the class of PUT, ${dollars(writeRequests)} at AWS's price in us-east-1`
  return mode === "single"
    ? ["upload     one PUT", `memory     ${formatSize(memory)} of payload`, cost]
    : [
        `part size  ${formatSize(partSize)} (from ${formatSize(minPartSize)} to ${formatSize(maxPartSize)})`,
        `parts      ${count(parts)} of ${count(maxParts)} at most`,
        `memory     ${formatSize(memory)} of payload${twoPasses ? "; each part is read twice, being larger than that" : ""}`,
        cost
      ]
}
