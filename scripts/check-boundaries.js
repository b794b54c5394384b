#!/usr/bin/env node
/**
 * Holds the arrows of docs/architecture.md: who may import whom. Prints one line a breach and exits 1.
 *
 *   node scripts/check-boundaries.js [--root DIR]
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { createRequire, isBuiltin } from "node:module"
import { dirname, join, posix, relative, resolve, sep } from "node:path"
import { parseArgs } from "node:util"
import { scanImports } from "./lib/scan-imports.js"

/** What a package may import of ours; a test may also use the testkit. */
const ours = {
  core: /^$/,
  plugins: /^@sluice\/core(\/|$)/,
  http: /^@sluice\/core(\/|$)/,
  testkit: /^@sluice\/core(\/|$)/,
  cli: /^@sluice\/(core|http|plugins)(\/|$)|^@sluice\/testkit\/(store|faults)$/
}

/** The files that know a runtime. */
const namesNode = /^packages\/(core\/src\/platform|plugins|cli|testkit)\//

/**
 * @typedef {{ path: string, package: string | undefined, test: boolean, published: boolean }} File
 * @typedef {{ specifier: string, line: number, typeOnly: boolean }} Import
 * @type {Record<string, (file: File, imported: Import) => string | false | undefined>}
 */
const rules = {
  "closed doors": (_, { specifier }) =>
    /^@sluice\/[^/]+\/(internal|platform|src|dist)(\/|$)/.test(specifier) &&
    "only what a package exports may be imported",

  "no paths into a package": (file, { specifier }) => {
    if (!specifier.startsWith(".")) return false
    const target = posix.join(posix.dirname(file.path), specifier)
    const owner = /^packages\/[^/]+/.exec(target)?.[0]
    if (owner === undefined) return file.published && target.startsWith("..") && "it leaves the repository"
    return !file.path.startsWith(`${owner}/`) && `import it by its package name, not by path`
  },

  arrows: (file, { specifier }) => {
    if (file.package === undefined || !specifier.startsWith("@sluice/")) return false
    if (file.test && /^@sluice\/testkit(\/|$)/.test(specifier)) return false
    return (
      !ours[/** @type {keyof typeof ours} */ (file.package)]?.test(specifier) &&
      `no arrow leads there from ${file.package}`
    )
  },

  "effect by module path": (file, { specifier }) =>
    file.published && specifier === "effect" && 'write `import * as X from "effect/X"`: the barrel costs 100 KB gzip',

  "core stands on little": (file, { specifier, typeOnly }) => {
    if (file.package !== "core" || !file.published || !isBare(specifier)) return false
    if (/^(effect(\/|$)|@sluice\/|@aws-sdk\/client-s3$|aws4fetch$)/.test(specifier)) return false
    if (/^@(smithy|aws-sdk)\//.test(specifier)) return !typeOnly && "core may take types from there, no code"
    return "core imports only effect, @aws-sdk/client-s3 and aws4fetch"
  },

  "core stands on stable modules": (file, { specifier }) =>
    file.package === "core" && file.published && specifier.startsWith("effect/") && !isStable(specifier)
      ? "effect marks this module unstable: keep it behind a service of another package"
      : false,

  "node: stays at the edge": (file, { specifier }) =>
    file.published && isBuiltin(specifier) && !namesNode.test(file.path)
      ? "only core/src/platform, plugins, cli and testkit may name it"
      : false,

  "nothing undeclared": (file, { specifier }) => {
    if (file.package === undefined || !isBare(specifier)) return false
    const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier
    return !declared(file).has(name) && `${name} is not declared in packages/${file.package}/package.json`
  }
}

const { values } = parseArgs({
  options: { root: { type: "string", default: resolve(import.meta.dirname ?? ".", "..") } }
})
const root = resolve(values.root)
const requireFromHere = createRequire(import.meta.url)

/** @param {string} specifier */
function isBare(specifier) {
  return !/^[./]/.test(specifier) && !isBuiltin(specifier)
}

/** Effect tags every module; the first tag of a file is the module's. @param {string} specifier */
function isStable(specifier) {
  const source = join(
    dirname(requireFromHere.resolve("effect/package.json")),
    "src",
    `${specifier.slice("effect/".length)}.ts`
  )
  return existsSync(source) && /@stability (\w+)/.exec(readFileSync(source, "utf8"))?.[1] === "stable"
}

/** @param {File} file */
function declared(file) {
  const own = manifest(join(root, "packages", file.package ?? "", "package.json"))
  const names = [own.name, ...Object.keys({ ...own.dependencies, ...own.peerDependencies })]
  if (!file.published) {
    names.push(
      "@sluice/testkit",
      ...Object.keys({ ...own.devDependencies, ...manifest(join(root, "package.json")).devDependencies })
    )
  }
  return new Set(names)
}

/** @param {string} path */
function manifest(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {}
}

/** @returns {File[]} */
function sources() {
  const folders = ["packages", "tests", "examples", "bench", "scripts"].map((folder) => join(root, folder))
  return folders
    .filter(existsSync)
    .flatMap(walk)
    .map((absolute) => {
      const path = relative(root, absolute).split(sep).join("/")
      const test = /\.test\.[jt]s$|^packages\/[^/]+\/test\//.test(path)
      const inPackage = /^packages\/([^/]+)\//.exec(path)?.[1]
      return { path, package: inPackage, test, published: inPackage !== undefined && !test }
    })
}

/** @param {string} folder @returns {string[]} */
function walk(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (/^(node_modules|dist|\..*)$/.test(entry.name)) return []
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return walk(path)
    return /\.[cm]?[jt]sx?$/.test(entry.name) ? [path] : []
  })
}

let imports = 0
const files = sources()
const breaches = files.flatMap((file) =>
  scanImports(readFileSync(join(root, file.path), "utf8")).flatMap((imported) => {
    imports++
    return Object.entries(rules).flatMap(([rule, broken]) => {
      const why = broken(file, imported)
      return why ? [`${file.path}:${imported.line} imports "${imported.specifier}": ${why} (${rule})`] : []
    })
  })
)
for (const breach of breaches) console.error(breach)
console.log(`boundaries: ${files.length} files, ${imports} imports, ${breaches.length} breaches`)
process.exit(breaches.length === 0 ? 0 : 1)
