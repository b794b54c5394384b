/**
 * What every command that speaks to a store reads alike: flags before the environment. Pure.
 *
 * @module
 */
import { homedir } from "node:os"
import type { Bandwidth } from "@sluice/core/Bandwidth"
import type { EngineOptions } from "@sluice/core/Defaults"
import type { Provider } from "@sluice/core/Limits"
import * as Result from "effect/Result"
import type { Flags } from "./Command.ts"
import { type Environment, parseEndpoint, parseOnFailure, parseOption, parseRegion, readConfig } from "./Config.ts"
import { journalDirectory } from "./journal-directory.ts"
import type { Problems } from "./Problems.ts"
import { parseBandwidth } from "./parse-bandwidth.ts"
import type { Parse } from "./units.ts"

/** Which store, and which journal. */
export const placeFlags = {
  profile: { type: "string", value: "NAME", help: "profile of the shared AWS config (default: AWS_PROFILE)" },
  "endpoint-url": {
    type: "string",
    value: "URL",
    help: "S3-compatible store (default: AWS_ENDPOINT_URL_S3, else AWS)"
  },
  region: { type: "string", value: "NAME", help: "region (default: AWS_REGION, else the profile's)" },
  journal: {
    type: "string",
    value: "DIR",
    help: "where uploads are kept (default: SLUICE_JOURNAL, else ~/.local/state/sluice/journal)"
  }
} as const satisfies Flags

/** How bytes are sent, and what becomes of what was sent. */
export const sendFlags = {
  json: { type: "boolean", help: "print every event as a line of JSON on standard output" },
  concurrency: { type: "string", value: "N", help: "parts in flight, 1 to 256 (default: 4)" },
  bandwidth: {
    type: "string",
    value: "SPEED",
    help: "20MiB/s, or mon-fri 08:00-18:00=5MiB/s,else=50MiB/s (default: SLUICE_BANDWIDTH, else no limit)"
  }
} as const satisfies Flags

/** Where a bucket is, and as whom to go there. */
export interface Place {
  readonly endpoint: string | undefined
  readonly region: string | undefined
  readonly profile: string | undefined
  readonly provider: Provider | undefined
}

export interface Settings {
  /** The place, by flags before `known` before the environment. */
  readonly placeOf: (known?: Place | undefined) => Place
  readonly bandwidth: Bandwidth | undefined
  readonly engine: Partial<EngineOptions>
  /** The journal's directory, and the flag that must be given again to find it. */
  readonly journal: JournalPlace
}

export interface JournalPlace {
  readonly directory: string
  /** Whether only `--journal` leads there. */
  readonly byFlag: boolean
}

type Texts = {
  readonly [K in Exclude<keyof typeof placeFlags | keyof typeof sendFlags, "json">]?: string | undefined
} & {
  readonly "on-failure"?: string | undefined
}

/** Reads them; what is wrong is added to `problems`, the environment included. */
export const readSettings = (texts: Texts, env: Environment, problems: Problems): Settings => {
  const read = <A>(flag: keyof Texts, parse: Parse<A>): A | undefined => problems.read(`--${flag}`, texts[flag], parse)
  const config = readConfig(env)
  if (Result.isFailure(config)) problems.lines.push(...config.failure)
  const ambient = Result.isSuccess(config) ? config.success : undefined
  const endpoint = read("endpoint-url", parseEndpoint)
  const region = read("region", parseRegion)
  const concurrency = read("concurrency", parseOption("concurrency"))
  const onFailure = read("on-failure", parseOnFailure)
  return {
    placeOf: (known) => ({
      endpoint: endpoint ?? (known ?? ambient?.store)?.endpoint,
      region: region ?? (known ?? ambient?.store)?.region,
      profile: texts.profile ?? known?.profile,
      provider: (known ?? ambient?.store)?.provider
    }),
    bandwidth: read("bandwidth", parseBandwidth) ?? ambient?.store.bandwidth,
    engine: {
      ...ambient?.engine,
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(onFailure === undefined ? {} : { onFailure })
    },
    journal: {
      directory: journalDirectory(texts.journal, env, { home: homedir(), platform: process.platform }),
      byFlag: (texts.journal ?? "") !== ""
    }
  }
}
