/**
 * What plugins are and what they hooked last, told.
 *
 * @module
 */
import type { Description, PluginDescription, SeenHooks } from "../Description.ts"
import { type Hooks, hookNames, type Plugin, type Stage } from "../Plugin.ts"
import { stageOrder } from "./stage-order.ts"

const seenHooks = (hooks: Hooks): SeenHooks => ({
  names: hookNames.filter((name) => hooks[name] !== undefined),
  body: hooks.body && { stage: hooks.body.stage, size: hooks.body.size, replay: hooks.body.replay },
  part: hooks.part && { stage: hooks.part.stage }
})

/** Plugins in list order, with the hooks that they answered `open` with, where they were opened. */
export const seenPlugins = (
  plugins: ReadonlyArray<Pick<Plugin<unknown>, "name" | "read">>,
  opened?: ReadonlyArray<Hooks>
): ReadonlyArray<PluginDescription> =>
  plugins.map(({ name, read }, i) => {
    const hooks = opened?.[i]
    return { name, read: read?.stage, hooks: hooks && seenHooks(hooks) }
  })

const inStages = (
  plugins: ReadonlyArray<PluginDescription>,
  stageOf: (plugin: PluginDescription) => Stage | undefined
): ReadonlyArray<string> =>
  plugins
    .flatMap((plugin) => {
      const stage = stageOf(plugin)
      return stage === undefined ? [] : [{ name: plugin.name, stage }]
    })
    .toSorted((a, b) => stageOrder[a.stage] - stageOrder[b.stage])
    .map(({ name }) => name)

export const describePlugins = (plugins: ReadonlyArray<PluginDescription>): Description => {
  const named = (is: (plugin: PluginDescription) => boolean): ReadonlyArray<string> =>
    plugins.filter(is).map(({ name }) => name)
  return {
    plugins,
    bytes: {
      body: inStages(plugins, ({ hooks }) => hooks?.body?.stage),
      part: inStages(plugins, ({ hooks }) => hooks?.part?.stage),
      read: inStages(plugins, ({ read }) => read).toReversed()
    },
    unknownSize: named(({ hooks }) => hooks?.body?.size === "unknown"),
    notResumable: named(({ hooks }) => hooks?.body?.replay === "none")
  }
}
