import { createHash } from "node:crypto"
import { assert, it } from "@effect/vitest"
import * as fc from "fast-check"
import { md5Table } from "./md5-table.ts"

// RFC 1321, appendix A.5.
const suite = [
  ["", "d41d8cd98f00b204e9800998ecf8427e"],
  ["a", "0cc175b9c0f1b6a831c399e269772661"],
  ["abc", "900150983cd24fb0d6963f7d28e17f72"],
  ["message digest", "f96b697d7cb7938d525a2f31aaf161d0"],
  ["abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"],
  ["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"],
  [
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
    "57edf4a22be3c955ac49da2e2107b67a"
  ]
] as const

it.each(suite)("the MD5 of %j is the RFC's", (message, expected) => {
  const hash = md5Table()
  hash.update(new TextEncoder().encode(message))
  assert.strictEqual(hash.digest("hex"), expected)
})

it("is the runtime's for any bytes, however they are sliced and wherever they lie", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), fc.nat(7), (slices, offset) => {
      const own = md5Table()
      const theirs = createHash("md5")
      for (const slice of slices) {
        const moved = new Uint8Array(slice.length + offset).fill(7).subarray(offset)
        moved.set(slice)
        own.update(moved)
        theirs.update(slice)
      }
      assert.strictEqual(own.digest("base64"), theirs.digest("base64"))
    })
  )
})

it("takes hex as bytes", () => {
  const [own, theirs] = [md5Table(), createHash("md5")]
  for (const hash of [own, theirs]) hash.update("00ff10a5", "hex")
  assert.strictEqual(own.digest("hex"), theirs.digest("hex"))
})
