import { expect, it } from "vitest"
import { makeNativeCrc32, nativeCrc32 } from "./native-crc32.ts"

const large = new Uint8Array(40 * 1024 * 1024)

it("a better CRC32 is loaded once many bytes were asked for, and used from then on", async () => {
  let loads = 0
  const crc32 = makeNativeCrc32(
    () => 1,
    async () => {
      loads++
      return () => 2
    }
  )
  expect([crc32(large), loads]).toEqual([1, 0])
  expect([crc32(large), loads]).toEqual([1, 1])
  await Promise.resolve()
  expect([crc32(large), crc32(large), loads]).toEqual([2, 2, 1])
})

it("where there is no better one, nothing changes", async () => {
  const crc32 = makeNativeCrc32(
    () => 1,
    async () => undefined
  )
  for (let i = 0; i < 4; i++) expect(crc32(large)).toBe(1)
  await Promise.resolve()
  expect(crc32(large)).toBe(1)
})

it("whichever takes it, the CRC32 is the same, in pieces and on shared memory", async () => {
  const bytes = new Uint8Array(new SharedArrayBuffer(100_000)).map((_, i) => i * 31)
  const crcs = () => [
    nativeCrc32?.(bytes),
    nativeCrc32?.(bytes.subarray(50_001), nativeCrc32(bytes.subarray(0, 50_001)))
  ]
  const before = crcs()
  nativeCrc32?.(large)
  nativeCrc32?.(large)
  await import("@node-rs/crc32")
  await new Promise((resolve) => setImmediate(resolve))
  expect(crcs()).toEqual(before)
  expect(before[0]).toBe(before[1])
})
