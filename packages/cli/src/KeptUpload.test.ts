import { MiB } from "@sluice/core/Limits"
import { expect, it } from "vitest"
import { type KeptUpload, keptLine } from "./KeptUpload.ts"

const kept: KeptUpload = {
  sessionId: "5e55",
  uri: "s3://media/big.bin",
  size: 100 * MiB,
  stored: 40 * MiB,
  begunAt: 0,
  held: false,
  file: "/home/ann/big.bin"
}

it("says what is kept, how much of it, since when and from where", () => {
  expect(keptLine(kept, 7_500_000)).toBe(
    "5e55  40 MiB of 100 MiB  2 h 5 min ago  s3://media/big.bin  /home/ann/big.bin"
  )
  expect(keptLine({ ...kept, size: undefined, file: "-", held: true }, 3_000)).toBe(
    "5e55  40 MiB  3.0 s ago  s3://media/big.bin  (standard input: pipe the same bytes in)  (in use)"
  )
  expect(keptLine({ ...kept, file: undefined }, 3_000)).toContain("(name the file)")
})

it("does not let a name act on the terminal", () => {
  const line = keptLine({ ...kept, file: "/a\u001b[2J\nb", uri: "s3://media/\u0007" }, 0)
  expect(line).toContain("s3://media/?  /a?[2J?b")
})
