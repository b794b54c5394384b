/**
 * What a plugin in plain JavaScript can get wrong where the compiler would have said so. Pure.
 *
 * @module
 */
import * as Result from "effect/Result"
import { type Hooks, hookNames, type Plugin } from "../Plugin.ts"
import { invalidRequest, type UploadError } from "../UploadError.ts"
import { kindOf } from "./must-be-effect.ts"
import { stageOrder } from "./stage-order.ts"

type Fields = { readonly [K in keyof Hooks]-?: Readonly<Record<string, (value: unknown) => boolean>> | "function" }

const isFunction = (value: unknown): boolean => typeof value === "function"
const oneOf =
  (...words: ReadonlyArray<string>) =>
  (value: unknown): boolean =>
    words.some((word) => word === value)
const stage = oneOf(...Object.keys(stageOrder))

/** A hook is a function, or an object of these fields. */
const shapes: Fields = {
  plan: "function",
  body: {
    stage,
    size: oneOf("same", "unknown"),
    replay: oneOf("deterministic", "none"),
    transform: isFunction
  },
  part: { stage, overhead: isFunction, transform: isFunction },
  send: "function",
  finish: "function",
  verify: "function",
  on: "function",
  deliver: { name: (value) => typeof value === "string" && value !== "", events: Array.isArray, send: isFunction }
}

const problemOf = (name: keyof Hooks, hook: unknown): string | undefined => {
  const shape = shapes[name]
  if (hook === undefined) return undefined
  if (shape === "function") return isFunction(hook) ? undefined : `"${name}" is ${kindOf(hook)}, not a function`
  if (typeof hook !== "object" || hook === null) {
    return `"${name}" is ${kindOf(hook)}, not an object of ${Object.keys(shape).join(", ")}`
  }
  const fields: Readonly<Record<string, unknown>> = { ...hook }
  const wrong = Object.keys(shape).filter((field) => shape[field]?.(fields[field]) !== true)
  return wrong.length === 0 ? undefined : `"${name}" has no usable ${wrong.join(", ")}`
}

/** Why this is no plugin, if it is none. */
const pluginProblem = (plugin: unknown): string | undefined => {
  const { name, open }: Readonly<Record<string, unknown>> = { ...Object(plugin) }
  if (typeof open === "function" && typeof name === "string" && name !== "") return undefined
  if (typeof plugin === "function") return "is a function; call it, and give the plugin that it makes"
  if (typeof open !== "function")
    return `is ${kindOf(plugin)} without an open; make it with Plugin.make({ name, open })`
  return "has no name; give it one, such as acme/quota"
}

const pluginsProblem = (plugins: ReadonlyArray<{ readonly name: string }>): string | undefined => {
  const isList: boolean = Array.isArray(plugins)
  if (!isList) return `plugins is ${kindOf(plugins)}, not an array; give [plugin], or leave it out`
  const seen = new Map<string, number>()
  for (const [i, plugin] of plugins.entries()) {
    const problem = pluginProblem(plugin)
    if (problem !== undefined) return `plugins[${i}] ${problem}`
    const rival = seen.get(plugin.name)
    if (rival !== undefined) {
      return `plugins[${rival}] and plugins[${i}] are both named "${plugin.name}", under which the state of one is kept; give each a name of its own`
    }
    seen.set(plugin.name, i)
  }
  return undefined
}

/** The plugins of an engine: real ones, and no two of one name. */
export const checkedPlugins = <R>(
  plugins: ReadonlyArray<Plugin<R>> = []
): Result.Result<ReadonlyArray<Plugin<R>>, UploadError> => {
  const problem = pluginsProblem(plugins)
  return problem === undefined ? Result.succeed(plugins) : Result.fail(invalidRequest(problem))
}

/** Why these are no hooks, if they are none. */
export const hooksProblem = (hooks: unknown): string | undefined => {
  if (typeof hooks !== "object" || hooks === null || Array.isArray(hooks)) {
    return `gave ${kindOf(hooks)} instead of hooks; its open answers with an object, which may be empty`
  }
  const given: Readonly<Record<string, unknown>> = { ...hooks }
  const unknown = Object.keys(given).filter((name) => !hookNames.some((known) => known === name))
  if (unknown.length > 0) {
    return `has an unknown hook "${unknown.join('", "')}"; the hooks are ${hookNames.join(", ")}`
  }
  const problems = hookNames.flatMap((name) => problemOf(name, given[name]) ?? [])
  return problems.length === 0 ? undefined : `has a hook of another shape: ${problems.join("; ")}; see docs/hooks.md`
}
