/**
 * Workers for workerd: a module of ours and all that it imports in one bundle, and the configuration that runs its
 * `test()` once. Node's modules are there, as since 2026-08-04 by default, unless the flag `no_nodejs_compat` takes them
 * away: then a bundle that imports one does not start.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { build } from "vite"

/** What workerd is held to; not newer than the one that tools.json pins. */
const compatibilityDate = "2026-11-17"

/** @param {string} text as a string of Cap'n Proto's text format, whose escapes are C's */
const quoted = (text) => JSON.stringify(text)

/**
 * Writes a bundle and its configuration into `folder`.
 *
 * @param {{ file: string, folder: string, flags: readonly string[], bindings: Readonly<Record<string, string>> }} worker
 * @returns {Promise<string>} the path of the configuration, for `workerd test`
 */
export async function writeWorker({ file, folder, flags, bindings }) {
  const built = await build({
    configFile: false,
    // Not what it says of Node's modules: workerd refuses them where they may not be.
    logLevel: "error",
    ssr: { noExternal: true, target: "webworker" },
    build: { ssr: file, outDir: folder, emptyOutDir: true, target: "esnext" }
  })
  const modules = "output" in built ? built.output.filter(({ type }) => type === "chunk") : []
  // The first module is the one that starts.
  const embedded = modules.map(({ fileName }) => `(name = ${quoted(fileName)}, esModule = embed ${quoted(fileName)})`)
  const texts = Object.entries(bindings).map(([name, text]) => `(name = ${quoted(name)}, text = ${quoted(text)})`)
  const config = join(folder, "worker.capnp")
  writeFileSync(
    config,
    `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (services = [
  (name = "worker", worker = .worker),
  (name = "network", network = (allow = ["private", "public"]))
]);

const worker :Workerd.Worker = (
  modules = [${embedded.join(", ")}],
  bindings = [${texts.join(", ")}],
  compatibilityDate = ${quoted(compatibilityDate)},
  compatibilityFlags = [${flags.map(quoted).join(", ")}],
  globalOutbound = "network"
);
`
  )
  return config
}
