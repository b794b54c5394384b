/**
 * What the environment makes of Sluice: stores, options, server, without a secret. As data, and in words.
 *
 * @module
 */
import { type EngineOptions, engineOptions, environment } from "@sluice/core/Defaults"
import { type Capabilities, profiles, providerOf } from "@sluice/core/Limits"
import { Description } from "@sluice/core/promise"
import type { UploadError } from "@sluice/core/UploadError"
import * as Result from "effect/Result"
import type { Config, Environment } from "./Config.ts"
import { servedStores } from "./served-stores.ts"
import { formatSeconds, formatSize } from "./units.ts"

/** One option of the engine as it holds. */
export interface EffectiveOption {
  readonly value: string | number
  readonly variable: string
  /** Whether the variable is set; else the value is a default, or follows another option. */
  readonly set: boolean
}

export interface DescribedStore {
  readonly name: string
  readonly bucket: string
  readonly prefix: string | undefined
  /** Undefined for AWS's own. */
  readonly endpoint: string | undefined
  readonly region: string | undefined
  readonly profile: string | undefined
  readonly capabilities: Capabilities
}

export interface Setup {
  readonly stores: ReadonlyArray<DescribedStore>
  /** Who has the credentials: never what they are. */
  readonly credentials: "environment" | "profile" | "chain"
  readonly server: { readonly host: string; readonly port: number; readonly token: "set" | "none" }
  readonly janitor: Config["janitor"]
  readonly journal: string
  readonly bandwidth: Config["store"]["bandwidth"]
  readonly plugins: Description.Description
  readonly options: Readonly<Record<string, EffectiveOption>>
}

const isSet = (env: Environment, name: string): boolean => (env[name] ?? "") !== ""

const optionNames = (options: EngineOptions): ReadonlyArray<keyof EngineOptions> =>
  Object.keys(environment).filter((name): name is keyof EngineOptions => Object.hasOwn(options, name))

/** Fails where options contradict each other. */
export const setupOf = (
  config: Config,
  { env, journal, plugins }: Pick<Setup, "journal" | "plugins"> & { readonly env: Environment }
): Result.Result<Setup, UploadError> =>
  Result.map(engineOptions(config.engine), (options) => ({
    stores: servedStores(config).map(([name, { bucket, endpoint, prefix, profile, provider, region }]) => ({
      name,
      bucket,
      prefix,
      endpoint,
      region,
      profile,
      capabilities: profiles[provider ?? providerOf(endpoint)]
    })),
    credentials: isSet(env, "AWS_ACCESS_KEY_ID") ? "environment" : isSet(env, "AWS_PROFILE") ? "profile" : "chain",
    server: { host: config.http.host, port: config.http.port, token: config.http.token === undefined ? "none" : "set" },
    janitor: config.janitor,
    journal,
    bandwidth: config.store.bandwidth,
    plugins,
    options: Object.fromEntries(
      optionNames(options).map((name) => {
        const variable = environment[name].name
        return [name, { value: options[name], variable, set: isSet(env, variable) }]
      })
    )
  }))

const time = (ms: number): string => (ms % 1000 === 0 ? formatSeconds(ms / 1000) : `${ms} ms`)

const inUnits = (name: string, value: string | number): string => {
  const kind = Object.entries(environment).find(([option]) => option === name)?.[1].kind
  if (typeof value === "string") return value
  return kind === "size" ? formatSize(value) : kind === "duration" ? time(value) : String(value)
}

const storeInWords = ({ bucket, capabilities, endpoint, name, prefix = "", profile, region }: DescribedStore) => {
  const { checksum, etag, limits, provider } = capabilities
  const place = [endpoint ?? "AWS", region && `region ${region}`, profile && `profile ${profile}`]
  return [
    `${name}: s3://${bucket}/${prefix} at ${place.filter((word) => word !== undefined).join(", ")}`,
    `  ${provider}: ${limits.maxParts.toLocaleString("en")} parts of ${formatSize(limits.minPartSize)} to ${formatSize(limits.maxPartSize)}, objects up to ${formatSize(limits.maxObjectSize)}, CRC32 ${checksum}, ETags ${etag}`
  ]
}

const holders: Readonly<Record<Setup["credentials"], string>> = {
  environment: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, not shown",
  profile: "those of AWS_PROFILE",
  chain: "the SDK's chain: profile, SSO, web identity, container or instance role"
}

const indented = (title: string, lines: ReadonlyArray<string>): ReadonlyArray<string> => [
  title,
  ...lines.map((line) => `  ${line}`)
]

/** A line a fact. */
export const render = (setup: Setup): ReadonlyArray<string> => {
  const { bandwidth, credentials, janitor, journal, options, plugins, server, stores } = setup
  const { everyMs, olderThanMs } = janitor
  const rate =
    bandwidth === undefined ? "no limit" : typeof bandwidth === "number" ? `${formatSize(bandwidth)}/s` : "a schedule"
  return [
    ...indented(
      "stores",
      stores.length === 0 ? ["none: sluice serve starts one for development"] : stores.flatMap(storeInWords)
    ),
    `credentials  ${holders[credentials]}`,
    `server       ${server.host}, port ${server.port === 0 ? "free" : server.port}, ${server.token === "set" ? "a token, not shown" : "no token"}`,
    `janitor      ${everyMs === undefined ? "off" : `every ${time(everyMs)}, what is ${time(olderThanMs)} old`}`,
    `journal      ${journal}`,
    `bandwidth    ${rate}`,
    ...indented("plugins of sluice upload", Description.render(plugins).split("\n")),
    ...indented(
      "options",
      Object.entries(options).map(([name, { set, value, variable }]) =>
        `${name.padEnd(22)} ${inUnits(name, value).padEnd(12)} ${set ? variable : ""}`.trimEnd()
      )
    )
  ]
}
