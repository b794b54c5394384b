/**
 * What the engine and its users expect of every plugin, as cases for any test runner.
 *
 * @module
 */
import type { Plugin } from "@sluice/core/Plugin"
import type { ConformanceCase } from "./ConformanceCase.ts"
import { runs } from "./plugin/runs.ts"

/** A plugin to be held to what plugins promise. */
export interface PluginUnderTest {
  /** Makes it, as its users do; called for each run. */
  readonly make: () => Plugin
  /** What uploads with it must be told. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/**
 * The promises of a plugin, each as a case that any test runner can run: uploads through the engine, on an embedded
 * store of the case's own.
 *
 * ```ts
 * import * as Plugin from "@sluice/core/Plugin"
 * import { pluginSuite } from "@sluice/testkit/conformance/plugin"
 * import * as Effect from "effect/Effect"
 * import { describe, it } from "vitest"
 *
 * const mine = Plugin.make({ name: "acme/mine", open: () => Effect.succeed({}) })
 *
 * describe("my plugin", () => {
 *   for (const { name, run } of pluginSuite({ make: () => mine })) it(name, run)
 * })
 * ```
 */
export const pluginSuite = (under: PluginUnderTest): ReadonlyArray<ConformanceCase> =>
  Object.entries(runs).map(([name, run]) => ({ name, run: () => run(under) }))
