import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { pageRoutes } from "./page-routes.ts"

it("serves what page.html says", () => {
  execFileSync(process.execPath, [
    fileURLToPath(new URL("../../../../scripts/embed-page.js", import.meta.url)),
    "--check"
  ])
})

it("allows its own script and style, and nothing else", async () => {
  const response = await pageRoutes().request("/")
  const page = await response.text()
  const policy = response.headers.get("content-security-policy") ?? ""
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toContain("unsafe")
  for (const tag of ["script", "style"]) {
    const elements = [...page.matchAll(new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`, "g"))]
    expect(elements).toHaveLength(1)
    const digest = createHash("sha256")
      .update(elements[0]?.[1] ?? "")
      .digest("base64")
    expect(policy).toContain(`${tag}-src 'sha256-${digest}'`)
  }
  expect(page).not.toMatch(/\son[a-z]+=|\sstyle=|innerHTML/)
})
