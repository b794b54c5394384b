/**
 * The ways by which bytes come into the store, and the hooks that each can run.
 *
 * @module
 */
import type { OnFailure } from "./Defaults.ts"
import type { PluginDescription } from "./Description.ts"
import { type Hooks, hookNames } from "./Plugin.ts"
import { invalidRequest, type UploadError } from "./UploadError.ts"

/**
 * `Upload`: the source is read once, from its first byte to its last (library, command line, PUT to our server).
 * `Append`: it comes in pieces, perhaps to several processes (sessions, tus, resumable uploads of HTTP). `Presigned`: the
 * client sends its parts to the store itself.
 */
export type Route =
  | {
      readonly _tag: "Upload"
      readonly onFailure: OnFailure
      readonly resumed: boolean
      /** False where a part is larger than what memory holds, and is read twice instead. */
      readonly partsInMemory: boolean
    }
  | { readonly _tag: "Append" }
  | { readonly _tag: "Presigned" }

/** The hooks that a route runs; `open` runs on all of them. Attempts that Sluice does not make have no `send`. */
export const routeHooks: Readonly<Record<Route["_tag"], ReadonlyArray<keyof Hooks>>> = {
  Upload: hookNames,
  Append: hookNames.filter((name) => name !== "body"),
  Presigned: ["plan", "finish", "verify", "on", "deliver"]
}

/** A plugin that a route cannot serve, and why. */
export interface Refusal {
  readonly plugin: string
  readonly hook: keyof Hooks | "read"
  readonly why: string
}

/** Hooks that work on bytes: they are run or refused, never skipped. */
const byteHooks = ["body", "part"] as const

const unserved = ({ hooks, name, read }: PluginDescription, route: Route["_tag"]): ReadonlyArray<Refusal> => {
  const missing = byteHooks.filter((hook) => !routeHooks[route].includes(hook))
  const seen = missing.filter((hook) => hooks?.names.includes(hook))
  const refusals = seen.map((hook) => ({ plugin: name, hook, why: `no ${hook} hook runs there` }))
  // Who has `read` changes bytes, in this upload or the next: where no byte passes, that is known before any is opened.
  return refusals.length === 0 && read !== undefined && missing.length === byteHooks.length
    ? [{ plugin: name, hook: "read", why: "it changes bytes, and none pass there" }]
    : refusals
}

const unfit = ({ hooks, name }: PluginDescription, route: Route): ReadonlyArray<Refusal> => {
  if (route._tag !== "Upload" || hooks === undefined) return []
  const { onFailure, partsInMemory, resumed } = route
  const whole = ([...byteHooks, "send"] as const).filter((hook) => hooks.names.includes(hook))
  return [
    ...(hooks.body?.replay === "none" && (resumed || onFailure === "keep")
      ? [{ plugin: name, hook: "body" as const, why: "it gives other bytes each time, so nothing can be resumed" }]
      : []),
    ...(partsInMemory ? [] : whole.map((hook) => ({ plugin: name, hook, why: "it sees parts that no memory holds" })))
  ]
}

/** Every plugin that a route cannot serve. Before a plugin was opened, only what is certain by then. Pure. */
export const refusals = (plugins: ReadonlyArray<PluginDescription>, route: Route): ReadonlyArray<Refusal> =>
  plugins.flatMap((plugin) => [...unserved(plugin, route._tag), ...unfit(plugin, route)])

/** The refusals in words. */
export const refusalText = (refused: ReadonlyArray<Refusal>): string =>
  refused.map(({ hook, plugin, why }) => `plugin "${plugin}" (${hook}): ${why}`).join("; ")

/** `InvalidRequest` that names every plugin which the route cannot serve; undefined where it serves all. Pure. */
export const canRun = (plugins: ReadonlyArray<PluginDescription>, route: Route): UploadError | undefined => {
  const refused = refusals(plugins, route)
  return refused.length === 0
    ? undefined
    : invalidRequest(`this kind of upload (${route._tag}) cannot run ${refusalText(refused)}`)
}
