import { describe, expect, it } from "vitest"
import { type Block, blocksOfModule, blocksOfPage } from "./blocks.ts"
import { checkTypes } from "./check-types.ts"
import { blocksOfModules, blocksOfPages, isTypeScript } from "./pages.ts"

const examples = [...blocksOfPages, ...blocksOfModules].filter(isTypeScript)

describe("every TypeScript example", () => {
  it("of the pages and docstrings compiles under the repository's strict options", () => {
    expect(examples.length).toBeGreaterThan(20)
    expect(checkTypes(examples)).toEqual([])
  })

  it("is checked: no block is exempt, whatever stands behind its language", () => {
    expect(examples.filter(({ info }) => info !== "")).toEqual([])
  })
})

describe("the check", () => {
  it("names page, line and error", () => {
    const wrong: ReadonlyArray<readonly [code: string, error: RegExp]> = [
      ["sluice.upload()", /^docs\/0\.md:4: TS2304: Cannot find name 'sluice'/],
      ['import { s3 } from "@sluice/core/promise"\ns3({ buckets: "a" })', /^docs\/1\.md:5: TS2561/],
      ['import "@sluice/core/internal/slab-pool"', /^docs\/2\.md:4: TS2882/],
      ["export const f = (x) => x", /^docs\/3\.md:4: TS7006/],
      ["export const a: string = [''][0]", /^docs\/4\.md:4: TS2322/]
    ]
    const blocks = wrong.flatMap(([code], i) => blocksOfPage(`docs/${i}.md`, `# Page\n\n\`\`\`ts\n${code}\n\`\`\`\n`))
    expect(checkTypes(blocks)).toEqual(wrong.map(([, error]) => expect.stringMatching(error)))
  })

  it("reads docstrings, at the lines of their module", () => {
    const text = "const a = 1\n\n  /**\n   * Summary.\n   *\n   * ```ts\n   * const b: string = 1\n   * ```\n   */\n"
    const blocks: ReadonlyArray<Block> = blocksOfModule("packages/core/src/A.ts", text)
    expect(blocks).toMatchObject([{ line: 7, code: "const b: string = 1\n" }])
    expect(checkTypes(blocks)).toEqual([expect.stringMatching(/^packages\/core\/src\/A\.ts:7: TS2322/)])
  })

  it("refuses a block that is not closed", () => {
    expect(() => blocksOfPage("a.md", "```ts\nconst a = 1\n")).toThrow("a.md:1: the block is not closed")
  })
})
