import { defineConfig } from "vitest/config"

const report = process.env["SLUICE_TEST_REPORT"]

/** The stores that `npm test` leaves out: `npm run test:stores`. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["packages/testkit/test/stores/*.stores.ts", "tests/stores/*.stores.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: [
      "default",
      ...(report === undefined ? [] : [["json", { outputFile: report }] as ["json", { outputFile: string }]])
    ]
  }
})
