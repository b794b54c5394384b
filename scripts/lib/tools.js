/**
 * Installs the tools of `tools.json` at their pinned versions into `.tools`, each reachable as `.tools/bin/NAME`.
 * Nothing outside that folder is touched.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"

const root = join(import.meta.dirname, "../..")
const folder = join(root, ".tools")

/**
 * `command` is what the package calls its command, where that is not the tool's name; `features` are Cargo's; `with`
 * are npm packages that are installed beside it.
 *
 * @typedef {{ by: "go" | "npm" | "pip" | "cargo" | "deb", package: string, version: string, module?: string,
 *   command?: string, features?: string, with?: ReadonlyArray<string>, note?: string }} Tool
 * @type {Record<string, Tool>}
 */
export const tools = JSON.parse(readFileSync(join(root, "tools.json"), "utf8"))

/** @param {string} name */
export const toolPath = (name) => join(folder, "bin", name)

/** One way to install a kind of tool: what it needs on this machine, and how it is done into `home`. */
const installers = {
  go: {
    needs: { command: "go", from: "https://go.dev/dl" },
    /** @param {Tool} tool @param {string} home @param {string} name */
    install: (tool, home, name) => {
      // Not `go install PACKAGE@VERSION`: that also asks the proxy for the list of versions, which it has not of all.
      writeFileSync(
        join(home, "go.mod"),
        `module tools.invalid/${name}\n\nrequire ${tool.module ?? tool.package} ${tool.version}\n`
      )
      const built = join(home, name)
      run("go", ["build", "-mod=mod", "-ldflags=-s -w", "-o", built, tool.package], {}, home)
      return built
    }
  },
  npm: {
    needs: { command: "npm", from: "https://nodejs.org" },
    /** @param {Tool} tool @param {string} home */
    install: (tool, home) => {
      writeFileSync(
        join(home, "package.json"),
        JSON.stringify({ private: true, allowScripts: { [tool.package]: true } })
      )
      run("npm", [
        "install",
        "--prefix",
        home,
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        "--save-exact",
        `${tool.package}@${tool.version}`,
        ...(tool.with ?? [])
      ])
      return join(home, "node_modules", ".bin", tool.command ?? tool.package)
    }
  },
  pip: {
    needs: { command: "python3", from: "https://www.python.org" },
    /** @param {Tool} tool @param {string} home @param {string} name */
    install: (tool, home, name) => {
      run("python3", ["-m", "venv", home])
      run(join(home, "bin", "pip"), [
        "install",
        "--quiet",
        "--disable-pip-version-check",
        `${tool.package}==${tool.version}`,
        ...(tool.with ?? [])
      ])
      const command = join(home, "bin", name)
      // A library: its command is the Python that has it. Through a link, Python would not see the environment it is of.
      if (tool.command === "python") {
        writeFileSync(command, '#!/bin/sh\nexec "$(dirname "$(readlink -f "$0")")/python" "$@"\n', { mode: 0o755 })
      }
      return command
    }
  },
  cargo: {
    needs: { command: "cargo", from: "https://rustup.rs" },
    /** @param {Tool} tool @param {string} home @param {string} name */
    install: (tool, home, name) => {
      const features = tool.features === undefined ? [] : ["--features", tool.features]
      run("cargo", ["install", "--quiet", "--locked", "--root", home, ...features, `${tool.package}@${tool.version}`])
      return join(home, "bin", tool.command ?? name)
    }
  },
  // Unpacked, not installed: it needs no root, and the machine's own packages stay as they are.
  deb: {
    needs: { command: "apt-get", from: "a Debian or Ubuntu whose package lists are there" },
    /** @param {Tool} tool @param {string} home @param {string} name */
    install: (tool, home, name) => {
      run("apt-get", ["download", "--quiet", `${tool.package}=${tool.version}`], {}, home)
      for (const file of readdirSync(home)) if (file.endsWith(".deb")) run("dpkg", ["-x", file, home], {}, home)
      return join(home, "usr", "bin", tool.command ?? name)
    }
  }
}

/**
 * Installs one tool, or does nothing when the pinned version is there.
 *
 * @param {string} name a key of `tools.json`
 * @returns {string} a line that says what was done
 * @throws {Error} with a one-line message when the name is unknown, an installer is missing, or the installation fails
 */
export function installTool(name) {
  const tool = tools[name]
  if (tool === undefined) throw new Error(`${name} is not in tools.json, which has ${Object.keys(tools).join(", ")}`)
  const stamp = join(folder, `${name}.version`)
  const wanted = `${tool.package}@${tool.version}`
  if (existsSync(toolPath(name)) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted)
    return `${name}: ${wanted} is there`

  const { needs, install } = installers[tool.by]
  if (spawnSync(needs.command, [needs.command === "go" ? "version" : "--version"]).status !== 0) {
    throw new Error(`${name} is installed with ${needs.command}, which is not on PATH (${needs.from})`)
  }
  const home = join(folder, name)
  for (const path of [stamp, home]) rmSync(path, { recursive: true, force: true })
  mkdirSync(home, { recursive: true })
  mkdirSync(join(folder, "bin"), { recursive: true })
  const started = performance.now()
  const installed = install(tool, home, name)
  rmSync(toolPath(name), { force: true })
  symlinkSync(relative(join(folder, "bin"), installed), toolPath(name))
  if (!existsSync(toolPath(name))) throw new Error(`${name}: ${wanted} was installed without its command`)
  writeFileSync(stamp, wanted)
  return `${name}: installed ${wanted} in ${Math.round((performance.now() - started) / 1000)} s`
}

/** @param {string} command @param {string[]} args @param {Record<string, string>} [env] @param {string} [cwd] */
function run(command, args, env = {}, cwd = folder) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    env: { ...process.env, ...env },
    cwd
  })
  if (error || status !== 0) {
    const last = `${stdout ?? ""}\n${stderr ?? ""}`.trim().split("\n").at(-1)
    throw new Error(`${command} ${args.join(" ")} failed: ${error?.message ?? last}`)
  }
}
