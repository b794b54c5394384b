import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { dirname, join, normalize } from "node:path"
import { type Capabilities, profiles, TiB } from "@sluice/core/Limits"
import { expect, it } from "vitest"
import { blocksOfPage } from "./blocks.ts"
import { flagsOf, linksOf, npmScripts, sluiceCalls } from "./claims.ts"
import { blocksOfPages, isShell, modules, pages, read, root } from "./pages.ts"

const shell = blocksOfPages.filter(isShell)

const sluice = (...args: ReadonlyArray<string>): string =>
  spawnSync(process.execPath, [join(root, "packages/cli/bin/sluice.js"), ...args], { encoding: "utf8" }).stdout

it("every command and flag of sluice that a page shows is in its help", () => {
  const calls = shell.flatMap(sluiceCalls)
  expect(calls.length).toBeGreaterThan(3)
  const commands = [...sluice("--help").matchAll(/^ {2}sluice ([a-z0-9]+) /gm)].map(([, name = ""]) => name)
  expect(commands).toContain("upload")
  // One process for all: each costs a second of a busy machine.
  const texts = sluice("help", ...commands).split(/^(?=sluice )/m)
  expect(texts).toHaveLength(commands.length)
  const known = new Map(commands.map((command, i) => [command, flagsOf(texts[i] ?? "")]))
  for (const command of commands) expect(known.get(command)).toContain("--help")
  const unknown = calls.flatMap(({ at, command, flags }) =>
    known.has(command)
      ? flags.filter((flag) => !known.get(command)?.includes(flag)).map((flag) => `${at}: ${command} ${flag}`)
      : command.startsWith("-")
        ? []
        : [`${at}: ${command}`]
  )
  expect(unknown).toEqual([])
})

it("a flag that does not exist is found, also behind a pipe and variables", () => {
  const [block] = blocksOfPage(
    "a.md",
    "```sh\n\ntar cf - . | SLUICE_BUCKET=x npx sluice upload - s3://b/k --fast # --slow\n```"
  )
  expect(block && sluiceCalls(block)).toEqual([{ at: "a.md:3", command: "upload", flags: ["--fast"] }])
  expect(flagsOf("Flags:\n      --json   print\n  -h, --help  this\n")).toEqual(["--json", "-h", "--help"])
})

it("every npm script that a page runs exists", () => {
  const manifest: unknown = JSON.parse(read("package.json"))
  expect(shell.flatMap(npmScripts).length).toBeGreaterThan(3)
  for (const { at, script } of shell.flatMap(npmScripts)) {
    expect(manifest, at).toHaveProperty(["scripts", script])
  }
})

it("every link of a page leads to a file of the repository", () => {
  const broken = pages.flatMap((page) =>
    linksOf(read(page))
      .filter((target) => !existsSync(join(root, dirname(page), target)))
      .map((target) => `${page}: ${target}`)
  )
  expect(broken).toEqual([])
  expect(linksOf("[a](b.md#c) [d](https://e) [f](#g)")).toEqual(["b.md"])
})

it("every page that a module names exists", () => {
  const missing = modules.flatMap((file) =>
    [...read(file).matchAll(/\bdocs\/[\w/-]+\.md\b/g)]
      .filter(([page]) => !pages.includes(normalize(page)))
      .map(([page]) => `${file}: ${page}`)
  )
  expect(missing).toEqual([])
})

it("the map of the architecture has a line for every module of the core, and no other", () => {
  const page = read("docs/architecture.md")
  const map = page.slice(page.indexOf("## Where is what"), page.indexOf("## Memory"))
  const named = [...map.matchAll(/^\| `([\w-]+\.ts)` \|/gm)].map(([, name]) => name)
  const real = modules.filter((path) => path.startsWith("packages/core/")).map((path) => path.replace(/^.*\//, ""))
  expect([...named].sort()).toEqual([...real].sort())
})

it("the table of stores says what the profiles say", () => {
  const yes = (is: boolean): string => (is ? "yes" : "no")
  const row = (p: Capabilities): string =>
    [
      `\`${p.provider}\``,
      p.uniformParts ? "equal" : "any",
      p.checksum,
      p.etag,
      yes(p.objectSizeOnComplete),
      yes(p.conditionalWrites),
      `${(p.limits.maxObjectSize / TiB).toFixed(3).replace(/\.?0+$/, "")} TiB`
    ].join(" | ")
  const rows = read("docs/stores.md")
    .split("\n")
    .flatMap((line) => /^\| (`.*) \| [^|]* \|$/.exec(line)?.[1] ?? [])
  expect(rows).toEqual(Object.values(profiles).map(row))
})
