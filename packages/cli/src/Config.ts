/**
 * The environment, read once at start-up; everything that is wrong with it is told together.
 *
 * @module
 */
import type { Bandwidth } from "@sluice/core/Bandwidth"
import { defaults, type EngineOptions, environment, type OptionKind } from "@sluice/core/Defaults"
import { GiB, MiB, type Provider, profiles } from "@sluice/core/Limits"
import { isLoopback } from "@sluice/http"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { Problems } from "./Problems.ts"
import { parseBandwidth } from "./parse-bandwidth.ts"
import { type NamedStore, readStores } from "./read-stores.ts"
import { formatSize, type Parse, parseCount, parseDuration, parseOneOf, parseSize, within } from "./units.ts"

/** Variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>

export interface Config {
  readonly store: StoreConfig
  /** Those that `sluice serve` offers by name; with none, it serves `store`. */
  readonly stores: ReadonlyArray<NamedStore>
  readonly http: HttpConfig
  readonly janitor: JanitorConfig
  readonly engine: Partial<EngineOptions>
}

/** Which store. Credentials are not here: the SDK's chain finds them in the environment, profiles and roles. */
export interface StoreConfig {
  readonly bucket: string | undefined
  readonly endpoint: string | undefined
  readonly region: string | undefined
  readonly provider: Provider | undefined
  readonly bandwidth: Bandwidth | undefined
}

export interface HttpConfig {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly token: Redacted.Redacted<string> | undefined
}

/** What `sluice serve` does about uploads that nobody came back for. */
export interface JanitorConfig {
  /** Pause between two sweeps, in milliseconds; undefined: none are made. */
  readonly everyMs: number | undefined
  /** Since when nobody has worked on them, in milliseconds. */
  readonly olderThanMs: number
}

type NumericOption = {
  [K in keyof EngineOptions]: EngineOptions[K] extends number ? K : never
}[keyof EngineOptions]

/** Bounds of the options that have some (`EngineOptions`); the others must be at least 1. */
const bounds: Readonly<Partial<Record<NumericOption, readonly [number, number]>>> = {
  partSize: [5 * MiB, 5 * GiB],
  concurrency: [1, 256],
  maxAttempts: [1, 100],
  minThroughput: [0, Number.POSITIVE_INFINITY],
  maxSockets: [0, 65_535],
  maxQueuedUploads: [0, 10_000_000]
}

const isNumeric = (option: string): option is NumericOption => typeof Reflect.get(defaults, option) === "number"

/** How a number of the engine is written, within its bounds. Flags and variables are read alike. */
export const parseOption = (option: NumericOption): Parse<number> => {
  const kind: OptionKind = environment[option].kind
  const [min, max] = bounds[option] ?? [1, Number.POSITIVE_INFINITY]
  return kind === "size"
    ? within(parseSize, min, max, formatSize)
    : within(kind === "duration" ? parseDuration : parseCount, min, max)
}

export const parseMultipart = parseOneOf(["never", "auto", "always"])
export const parseOnFailure = parseOneOf(["abort", "keep", "auto"])

type WordOption = Exclude<keyof EngineOptions, NumericOption>

const words: { readonly [K in WordOption]: Parse<EngineOptions[K]> } = {
  multipart: parseMultipart,
  onFailure: parseOnFailure,
  hedge: parseOneOf(["off", "last-part"]),
  payloadSigning: parseOneOf(["auto", "always", "never"]),
  checksumAlgorithm: parseOneOf(["CRC32", "CRC32C", "CRC64NVME"])
}

const isWord = (option: string): option is WordOption => Object.hasOwn(words, option)

/** `http(s)://host[:port]`, nothing behind it. */
export const parseEndpoint: Parse<string> = (text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isEndpoint = /^https?:$/.test(url?.protocol ?? "") && url?.username === "" && url.search === ""
  return isEndpoint ? Result.succeed(text) : Result.fail("give a URL such as http://127.0.0.1:9000")
}

/** S3's rules for names of buckets, as far as all stores keep them. */
export const parseBucket: Parse<string> = (text) =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/.test(text)
    ? Result.succeed(text)
    : Result.fail("give a bucket's name: 3 to 63 letters, digits, dots and hyphens")

export const parseRegion: Parse<string> = (text) =>
  /^[A-Za-z0-9-]{1,64}$/.test(text) ? Result.succeed(text) : Result.fail("give a region such as eu-west-1")

const isProvider = (text: string): text is Provider => Object.hasOwn(profiles, text)
export const parseProvider: Parse<Provider> = (text) =>
  isProvider(text) ? Result.succeed(text) : Result.fail(`give one of ${Object.keys(profiles).join(", ")}`)

const parseHost: Parse<string> = (text) =>
  /^[A-Za-z0-9.:_-]+$/.test(text) ? Result.succeed(text) : Result.fail("give a name or address such as 127.0.0.1")

/** Long enough that guessing it over the network is no way in. */
const minTokenLength = 16
const parseToken: Parse<Redacted.Redacted<string>> = (text) =>
  text.length >= minTokenLength && /^[\x21-\x7e]+$/.test(text)
    ? Result.succeed(Redacted.make(text))
    : Result.fail(`must be at least ${minTokenLength} visible ASCII characters; make one with: openssl rand -hex 32`)

const readEngine = (env: Environment, problems: Problems): Partial<EngineOptions> => {
  const engine: { -readonly [K in keyof EngineOptions]?: EngineOptions[K] } = {}
  const read = <K extends keyof EngineOptions>(option: K, parse: Parse<EngineOptions[K]>): void => {
    const { name } = environment[option]
    const value = problems.read(name, env[name], parse)
    if (value !== undefined) engine[option] = value
  }
  for (const option of Object.keys(environment)) {
    if (isNumeric(option)) read(option, parseOption(option))
    else if (isWord(option)) read(option, words[option])
  }
  return engine
}

const readStore = (env: Environment, problems: Problems): StoreConfig => {
  const keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] as const
  const missing = keys.filter((name) => (env[name] ?? "") === "")
  if (missing.length === 1 && missing[0] !== undefined) {
    problems.add(missing[0], `missing, while ${keys.find((name) => name !== missing[0])} is set; set both or none`)
  }
  // The SDK's own order: the service's endpoint before the general one.
  const endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].find((name) => (env[name] ?? "") !== "")
  return {
    bucket: problems.read("SLUICE_BUCKET", env["SLUICE_BUCKET"], parseBucket),
    endpoint: endpoint === undefined ? undefined : problems.read(endpoint, env[endpoint], parseEndpoint),
    region: problems.read("AWS_REGION", env["AWS_REGION"], parseRegion),
    provider: problems.read("SLUICE_PROVIDER", env["SLUICE_PROVIDER"], parseProvider),
    bandwidth: problems.read("SLUICE_BANDWIDTH", env["SLUICE_BANDWIDTH"], parseBandwidth)
  }
}

const readHttp = (env: Environment, problems: Problems): HttpConfig => {
  const token = problems.readSecret("SLUICE_TOKEN", env["SLUICE_TOKEN"], parseToken)
  const host = problems.read("SLUICE_HTTP_HOST", env["SLUICE_HTTP_HOST"], parseHost) ?? "127.0.0.1"
  if (!isLoopback(host) && (env["SLUICE_TOKEN"] ?? "") === "") {
    problems.add(
      "SLUICE_HTTP_HOST",
      `"${host}" is open to other machines, which needs a token; set SLUICE_TOKEN, or leave the host at 127.0.0.1`
    )
  }
  const port = problems.read("SLUICE_HTTP_PORT", env["SLUICE_HTTP_PORT"], within(parseCount, 0, 65_535))
  return { host, port: port ?? 3000, token }
}

const dayMs = 86_400_000

const parseEvery: Parse<number | "off"> = (text) =>
  text === "off"
    ? Result.succeed("off")
    : Result.mapError(within(parseDuration, 1, Number.POSITIVE_INFINITY)(text), (why) => `${why}, or off`)

const readJanitor = (env: Environment, problems: Problems): JanitorConfig => {
  const every = problems.read("SLUICE_JANITOR_EVERY", env["SLUICE_JANITOR_EVERY"], parseEvery) ?? dayMs
  const age = env["SLUICE_JANITOR_OLDER_THAN"]
  return {
    everyMs: every === "off" ? undefined : every,
    olderThanMs: problems.read("SLUICE_JANITOR_OLDER_THAN", age, parseDuration) ?? dayMs
  }
}

/** The whole configuration, or every line of what is wrong with it. */
export const readConfig = (env: Environment): Result.Result<Config, ReadonlyArray<string>> => {
  const problems = new Problems()
  const config: Config = {
    store: readStore(env, problems),
    stores: readStores("SLUICE_STORES", env["SLUICE_STORES"], problems),
    http: readHttp(env, problems),
    janitor: readJanitor(env, problems),
    engine: readEngine(env, problems)
  }
  return problems.lines.length === 0 ? Result.succeed(config) : Result.fail(problems.lines)
}
