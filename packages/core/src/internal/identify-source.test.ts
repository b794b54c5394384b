import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { MiB } from "../Limits.ts"
import * as Source from "../Source.ts"
import { differingIdentity, identifySource } from "./identify-source.ts"

const identify = (source: Source.Source) => Effect.runPromise(identifySource(source))
const bytes = (size: number, change?: number): Uint8Array<ArrayBuffer> => {
  const filled = new Uint8Array(size).map((_, index) => index * 7)
  if (change !== undefined) filled[change] = (filled[change] ?? 0) + 1
  return filled
}

describe("a source that can be read again", () => {
  it("is known by the SHA-256 of its first and last MiB", async () => {
    const size = 3 * MiB + 5
    const first = await identify(Source.fromBytes(bytes(size)))
    expect(first).toMatchObject({ size, headSha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(first?.tailSha256).not.toBe(first?.headSha256)
    const changed = async (at: number) =>
      differingIdentity(first ?? {}, await identify(Source.fromBytes(bytes(size, at))))
    expect(await changed(0)).toBe("its first MiB differs")
    expect(await changed(MiB - 1)).toBe("its first MiB differs")
    expect(await changed(MiB)).toBeUndefined()
    expect(await changed(size - MiB - 1)).toBeUndefined()
    expect(await changed(size - MiB)).toBe("its last MiB differs")
    expect(await changed(size - 1)).toBe("its last MiB differs")
  })

  it("has the same identity however its bytes come", async () => {
    const content = bytes(2 * MiB + 3)
    const blob = new Blob([content])
    const { headSha256, tailSha256 } = (await identify(Source.fromBytes(content))) ?? {}
    expect(await identify(Source.fromBlob(blob))).toMatchObject({ headSha256, tailSha256 })
  })

  it("of no byte has an identity", async () => {
    expect(await identify(Source.fromBytes(new Uint8Array()))).toMatchObject({ size: 0 })
  })
})

it("a source that is read once is not read for its identity", async () => {
  const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) }
  expect(await identify(Source.fromAsyncIterable(never))).toBeUndefined()
})

describe("another source", () => {
  const file = { name: "a", size: 5, inode: "1", modifiedMs: 10 }

  it.each([
    [{ ...file, size: 6 }, "it had 5 bytes and now has 6"],
    [{ ...file, inode: "2" }, "it is another file"],
    [{ ...file, modifiedMs: 11 }, "it was modified since"],
    [{ ...file, name: "moved/b" }, undefined],
    [file, undefined],
    [undefined, undefined]
  ])("%o: %s", (now, why) => {
    expect(differingIdentity(file, now)).toBe(why)
  })

  it("is a Blob of another name", () => {
    expect(differingIdentity({ name: "a" }, { name: "b" })).toBe('it was named "a" and is now "b"')
  })
})
