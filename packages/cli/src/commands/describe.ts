/**
 * `sluice describe`: what the environment makes of Sluice. Asks no store.
 *
 * @module
 */
import { homedir } from "node:os"
import { parseArgs } from "node:util"
import * as Result from "effect/Result"
import { type Command, exitCode, type Flags, UsageError } from "../Command.ts"
import { readConfig } from "../Config.ts"
import { journalDirectory } from "../journal-directory.ts"
import { openEngine, pluginsFor } from "../open-engine.ts"
import { render, setupOf } from "../Setup.ts"

const flags = {
  sse: { type: "boolean", help: "as sluice upload --sse" },
  json: { type: "boolean", help: "print it as one line of JSON, sizes in bytes, times in milliseconds" }
} as const satisfies Flags

export const describe: Command = {
  name: "describe",
  takes: "",
  summary: "Says which stores, options and plugins the environment makes. Asks no store, shows no secret.",
  details: [
    "Stores with what their profile allows, the server, the journal, the plugins of sluice upload and what",
    "each hooks, and every option of the engine as it holds, with the variable that set it.",
    "",
    "Exit codes: 0 done, 2 the environment makes no sense."
  ],
  flags,
  run: async (args, world) => {
    const { values } = parseArgs({ args: [...args], options: flags })
    const config = readConfig(world.env)
    if (Result.isFailure(config)) throw new UsageError(config.failure)
    const { engine, store } = config.success
    const { bandwidth, bucket = "bucket", endpoint, provider, region } = store
    const place = { endpoint, region, provider, profile: undefined }
    const plugins = await pluginsFor({ sse: values.sse === true, place })
    await using sluice = openEngine({ bandwidth, bucket, engine, journal: undefined, place, plugins }, world)
    const setup = setupOf(config.success, {
      env: world.env,
      journal: journalDirectory(undefined, world.env, { home: homedir(), platform: process.platform }),
      plugins: await sluice.describe()
    })
    if (Result.isFailure(setup)) throw new UsageError([setup.failure.message])
    if (values.json === true) world.out(JSON.stringify(setup.success))
    else for (const line of render(setup.success)) world.out(line)
    return exitCode.done
  }
}
