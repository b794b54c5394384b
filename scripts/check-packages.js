#!/usr/bin/env node
/**
 * Packs every package as it would be published and asks three judges: our own look at `exports`, publint, and
 * are-the-types-wrong. Prints one line a package, the complaints below it, and exits 1 if there are any.
 *
 *   node scripts/check-packages.js [NAME…]
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")
const bin = join(root, "node_modules", ".bin")

/** @param {string} command @param {string[]} args */
function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: "utf8" })
  if (error) throw error
  return { ok: status === 0, output: `${stdout}\n${stderr}`.trim(), stdout }
}

/**
 * @param {Record<string, unknown>} exports
 * @param {string[]} packed paths in the tarball
 */
function lookAtExports(exports, packed) {
  return Object.entries(exports).flatMap(([subpath, target]) => {
    if (target === null) return []
    if (typeof target === "string") return packed.some(matches(target)) ? [] : [`${subpath}: ${target} is not packed`]
    const conditions = Object.entries(/** @type {Record<string, string>} */ (target))
    const missing = conditions.filter(([, path]) => !packed.some(matches(path)))
    return [
      ...(conditions[0]?.[0] === "types" ? [] : [`${subpath}: "types" must be the first condition`]),
      ...(conditions.at(-1)?.[0] === "default" ? [] : [`${subpath}: "default" must be the last condition`]),
      ...missing.map(([condition, path]) => `${subpath}: ${condition} ${path} is not packed`)
    ]
  })
}

/** @param {string} pattern an exports target, perhaps with one star */
function matches(pattern) {
  const [head = "", tail] = pattern.replace(/^\.\//, "").split("*")
  return (/** @type {string} */ path) =>
    tail === undefined ? path === head : path.startsWith(head) && path.endsWith(tail)
}

/** @param {string} name @param {string} folder where the tarball goes */
function complaints(name, folder) {
  const { stdout } = run("npm", ["pack", `./packages/${name}`, "--json", "--silent", "--pack-destination", folder])
  const [tarball] = Object.values(JSON.parse(stdout))
  const packed = tarball.files.map((/** @type {{ path: string }} */ file) => file.path)
  const path = join(folder, tarball.filename)
  const manifest = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"))
  const typed = Object.values(manifest.exports).some((target) => target !== null && typeof target === "object")

  const ours = [
    ...lookAtExports(manifest.exports, packed),
    ...Object.values(manifest.bin ?? {}).flatMap((target) =>
      packed.some(matches(target)) ? [] : [`bin: ${target} is not packed`]
    ),
    ...packed
      .filter((/** @type {string} */ file) => /\.test\.|\.tsbuildinfo$|^\.turbo/.test(file))
      .map((/** @type {string} */ file) => `${file} must not be packed`)
  ]
  const publint = run(join(bin, "publint"), ["run", path, "--strict", "--level", "warning"])
  // A package that is only a command has no entry point whose types could be wrong.
  const attw = typed
    ? run(join(bin, "attw"), [path, "--profile", "esm-only", "--format", "ascii", "--no-emoji"])
    : { ok: true, output: "" }
  return {
    size: `${packed.length} files, ${Math.ceil(tarball.unpackedSize / 1024)} KiB`,
    list: [
      ...ours,
      ...(publint.ok ? [] : [`publint:\n${publint.output}`]),
      ...(attw.ok ? [] : [`attw:\n${attw.output}`])
    ]
  }
}

const asked = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), "sluice-packages-"))
let failed = 0
try {
  for (const name of asked.length > 0 ? asked : readdirSync(join(root, "packages")).sort()) {
    const { size, list } = complaints(name, folder)
    failed += list.length > 0 ? 1 : 0
    console.log(`${list.length === 0 ? "ok  " : "FAIL"} @sluice/${name} (${size})`)
    for (const complaint of list) console.error(complaint.replace(/^/gm, "       "))
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exit(failed === 0 ? 0 : 1)
