/**
 * What an uploader's plugins do: who hooks what, in which order, who changes bytes. As data, and in words.
 *
 * @module
 */
import type { BodyHook, Hooks, PartHook, Stage } from "./Plugin.ts"

/** The hooks of one plugin, as it answered `open`. */
export interface SeenHooks {
  readonly names: ReadonlyArray<keyof Hooks>
  readonly body: Pick<BodyHook, "stage" | "size" | "replay"> | undefined
  readonly part: Pick<PartHook, "stage"> | undefined
}

export interface PluginDescription {
  readonly name: string
  /** The stage that its `read` undoes; undefined where it has none, and so changes no bytes. */
  readonly read: Stage | undefined
  /**
   * What it hooked in the upload that was opened last; undefined before the first. Another upload may show others:
   * `open` decides for each.
   */
  readonly hooks: SeenHooks | undefined
}

export interface Description {
  /** In list order, which is also that of `open`, `plan`, `send` (the first is outermost), `finish` and `verify`. */
  readonly plugins: ReadonlyArray<PluginDescription>
  /** Who gets the bytes in turn: `body` before they are split, `part` after it, `read` on their way back. */
  readonly bytes: Readonly<Record<"body" | "part" | "read", ReadonlyArray<string>>>
  /** Plugins that make another length of it than the source's, so that the upload is planned as a stream. */
  readonly unknownSize: ReadonlyArray<string>
  /** Plugins that make other bytes each time, so that no upload with them can be resumed. */
  readonly notResumable: ReadonlyArray<string>
}

const inWords = ({ hooks, name, read }: PluginDescription): string => {
  const words =
    hooks === undefined
      ? ["not opened yet"]
      : hooks.names.map((hook) => {
          if (hook === "body" && hooks.body !== undefined) {
            const { replay, size, stage } = hooks.body
            return `body (${stage}, ${size === "same" ? "same size" : "unknown size"}, ${replay === "none" ? "no replay" : "replays"})`
          }
          return hook === "part" && hooks.part !== undefined ? `part (${hooks.part.stage})` : hook
        })
  return `${name}: ${[...words, ...(read === undefined ? [] : [`read (${read})`])].join(", ") || "no hook"}`
}

/**
 * A description in words, a line a fact.
 *
 * ```ts
 * import { createSluice, Description, s3 } from "@sluice/core/promise"
 *
 * await using sluice = createSluice({ store: s3({ bucket: "media" }) })
 * console.log(Description.render(await sluice.describe()))
 * ```
 */
export const render = ({ bytes, notResumable, plugins, unknownSize }: Description): string =>
  [
    ...(plugins.length === 0 ? ["no plugins"] : plugins.map((plugin, i) => `${i + 1}. ${inWords(plugin)}`)),
    ...(["body", "part", "read"] as const).flatMap((hook) =>
      bytes[hook].length === 0 ? [] : [`${hook}: ${bytes[hook].join(" → ")}`]
    ),
    ...(unknownSize.length === 0 ? [] : [`planned as a stream, for ${unknownSize.join(", ")} changes the length`]),
    ...(notResumable.length === 0 ? [] : [`not resumable, for ${notResumable.join(", ")} gives other bytes each time`])
  ].join("\n")
