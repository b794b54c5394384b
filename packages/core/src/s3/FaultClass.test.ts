import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { anyServerError, anySuccess, byStatus, byWords, families, rows } from "./error-codes.ts"
import { type FaultClass, faultClasses } from "./FaultClass.ts"

const isFaultClass = (name: string): name is FaultClass => name in faultClasses
const names = Object.keys(faultClasses).filter(isFaultClass)

const codesOf = (fault: FaultClass): ReadonlyArray<string> => [
  ...rows.filter((row) => row.fault === fault).flatMap((row) => row.codes),
  ...families.filter(([, row]) => row.fault === fault).map(([pattern]) => String(pattern)),
  ...Object.entries(byStatus).flatMap(([status, row]) => (row.fault === fault ? [`status ${status}`] : []))
]

/** As docs/retries.md has them. */
const line = (fault: FaultClass): string => {
  const codes = codesOf(fault).map((code) => `\`${code}\``)
  return `| **${fault}** | ${faultClasses[fault].action} | ${codes.join(" ")} |`
}

it("every class has a code or a status, and every code a class", () => {
  for (const fault of names) expect(codesOf(fault), fault).not.toEqual([])
  const all = [...rows, ...families.map(([, row]) => row), ...byWords.map(([, row]) => row), anyServerError, anySuccess]
  for (const { fault } of all) expect(names).toContain(fault)
})

it("what a class can be mended by is not retried without it", () => {
  for (const { retry, ...treatment } of Object.values(faultClasses)) {
    if ("remedy" in treatment && treatment.remedy !== "region") expect(retry).toBe("permanent")
  }
})

it("docs/retries.md has the table", () => {
  const docs = readFileSync(new URL("../../../../docs/retries.md", import.meta.url), "utf8")
  const table = docs.split("\n").filter((text) => /^\| \*\*[a-z]/.test(text))
  expect(table).toEqual(names.map(line))
})
