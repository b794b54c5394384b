import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"

const script = join(import.meta.dirname, "../../scripts/check-boundaries.js")
const roots: Array<string> = []

/** Runs the check over a repository that holds only these files. */
function check(files: Record<string, string>) {
  const root = mkdtempSync(join(tmpdir(), "sluice-boundaries-"))
  roots.push(root)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--root", root], { encoding: "utf8" })
  return { status, breaches: stderr.split("\n").filter(Boolean), summary: stdout.trim() }
}

const manifest = (name: string, dependencies: ReadonlyArray<string> = []) =>
  JSON.stringify({ name: `@sluice/${name}`, dependencies: Object.fromEntries(dependencies.map((d) => [d, "*"])) })

const core = { "packages/core/package.json": manifest("core", ["effect", "@aws-sdk/client-s3", "@smithy/types", "ms"]) }
const http = { "packages/http/package.json": manifest("http", ["effect", "@sluice/core", "@sluice/plugins"]) }
const plugins = { "packages/plugins/package.json": manifest("plugins", ["@sluice/core", "@sluice/http"]) }
const cli = { "packages/cli/package.json": manifest("cli", ["@sluice/testkit"]) }

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true })
})

describe("the boundary check lets through", () => {
  it.each<[string, Record<string, string>]>([
    [
      "core on effect modules and the S3 client",
      {
        ...core,
        "packages/core/src/A.ts":
          'import * as Effect from "effect/Effect"\nimport { S3Client } from "@aws-sdk/client-s3"\nimport type { HttpHandler } from "@smithy/types"'
      }
    ],
    ["node: in core's platform folder", { ...core, "packages/core/src/platform/file.ts": 'import "node:fs"' }],
    [
      "node: and the testkit in a test",
      { ...core, "packages/core/src/A.test.ts": 'import "node:fs"\nimport "@sluice/testkit"' }
    ],
    [
      "the testkit's store and faults in the cli",
      { ...cli, "packages/cli/src/a.ts": 'import "@sluice/testkit/store"\nimport "@sluice/testkit/faults"' }
    ],
    [
      "the word node in prose",
      {
        ...core,
        "packages/core/src/A.ts": '/** `import "node:fs"` */\nexport const a = "a node: b" // import "node:fs"'
      }
    ],
    [
      "templates in templates",
      {
        ...core,
        "packages/core/src/A.ts": `const a = \`\${b ? "" : \`\${b}/\`}user/\${{ c: \`}\` }}\`\n// import "node:fs"\nconst d = a / 2`
      }
    ],
    [
      "a test's own neighbours and a package's front door",
      { "tests/a.test.ts": 'import "./b.ts"\nimport "@sluice/core/promise"' }
    ]
  ])("%s", (_, files) => {
    expect(check(files)).toMatchObject({ status: 0, breaches: [] })
  })
})

describe("the boundary check names", () => {
  it.each<[rule: string, what: string, at: string, files: Record<string, string>]>([
    [
      "closed doors",
      "internals in a black-box test",
      "tests/a.test.ts:2",
      { "tests/a.test.ts": '\nimport "@sluice/core/internal/slab-pool"' }
    ],
    [
      "closed doors",
      "another package's dist",
      "packages/http/src/a.ts:1",
      { ...http, "packages/http/src/a.ts": 'import "@sluice/core/dist/Uploader.js"' }
    ],
    [
      "closed doors",
      "internals in a package's test",
      "packages/http/src/a.test.ts:1",
      { ...http, "packages/http/src/a.test.ts": 'import "@sluice/core/platform/file"' }
    ],
    [
      "no paths into a package",
      "a path into another package",
      "packages/http/src/a.ts:1",
      { ...http, "packages/http/src/a.ts": 'export * from "../../core/src/Uploader.ts"' }
    ],
    [
      "no paths into a package",
      "a path from the black-box tests",
      "tests/x/a.test.ts:1",
      { "tests/x/a.test.ts": 'await import("../../packages/core/src/Uploader.ts")' }
    ],
    [
      "arrows",
      "http on plugins",
      "packages/http/src/a.ts:1",
      { ...http, "packages/http/src/a.ts": 'import "@sluice/plugins/key-layout"' }
    ],
    [
      "arrows",
      "plugins on http",
      "packages/plugins/src/a.ts:1",
      { ...plugins, "packages/plugins/src/a.ts": 'import { sluiceRoutes } from "@sluice/http"' }
    ],
    [
      "arrows",
      "the cli on the rest of the testkit",
      "packages/cli/src/a.ts:1",
      { ...cli, "packages/cli/src/a.ts": 'import "@sluice/testkit"' }
    ],
    [
      "effect by module path",
      "the barrel",
      "packages/http/src/a.ts:1",
      { ...http, "packages/http/src/a.ts": 'import { Effect } from "effect"' }
    ],
    [
      "core stands on little",
      "another library in core",
      "packages/core/src/a.ts:1",
      { ...core, "packages/core/src/a.ts": 'import ms from "ms"' }
    ],
    [
      "core stands on little",
      "code, not types, of smithy",
      "packages/core/src/a.ts:1",
      { ...core, "packages/core/src/a.ts": 'import { HttpHandler } from "@smithy/types"' }
    ],
    [
      "core stands on stable modules",
      "an unstable group",
      "packages/core/src/a.ts:1",
      { ...core, "packages/core/src/a.ts": 'import * as HttpClient from "effect/http/HttpClient"' }
    ],
    [
      "core stands on stable modules",
      "an unstable module",
      "packages/core/src/a.ts:1",
      { ...core, "packages/core/src/a.ts": 'import * as FileSystem from "effect/FileSystem"' }
    ],
    [
      "node: stays at the edge",
      "node: in core",
      "packages/core/src/a.ts:2",
      { ...core, "packages/core/src/a.ts": 'const a = /["`]/\nimport "node:fs"' }
    ],
    [
      "node: stays at the edge",
      "a builtin without the prefix",
      "packages/http/src/a.ts:1",
      { ...http, "packages/http/src/a.ts": 'import fs from "fs"' }
    ],
    [
      "node: stays at the edge",
      "a specifier hidden in a variable",
      "packages/core/src/a.ts:1",
      { ...core, "packages/core/src/a.ts": 'const name = "node:crypto"\nawait import(name)' }
    ],
    [
      "node: stays at the edge",
      "a specifier in backticks",
      "packages/core/src/a.ts:2",
      { ...core, "packages/core/src/a.ts": "\nawait import(`node:crypto`)" }
    ],
    [
      "nothing undeclared",
      "a dependency that is only hoisted",
      "packages/http/src/a.ts:1",
      { ...http, "packages/http/src/a.ts": 'import "hono"' }
    ]
  ])("%s: %s", (rule, _, at, files) => {
    const { status, breaches } = check(files)
    expect(status).toBe(1)
    expect(breaches).toEqual([expect.stringMatching(new RegExp(`^${at} .*\\(${rule}\\)$`))])
  })
})
