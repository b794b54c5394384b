import { MiB } from "@sluice/core/Limits"
import { describe, expect, it } from "vitest"
import { eachObject } from "./each-object.ts"

const world = () => {
  const controller = new AbortController()
  return { signal: controller.signal, stop: () => controller.abort() }
}

describe("each object", () => {
  it("large ones keep half of the places: small ones are not kept waiting behind them", async () => {
    const small = Promise.withResolvers<void>()
    const ended: Array<string> = []
    const objects = [
      { key: "large 1", size: 9 * MiB },
      { key: "large 2", size: 9 * MiB },
      { key: "small 1", size: 8 * MiB },
      { key: "small 2" }
    ]
    const one = async ({ key }: { readonly key: string }): Promise<void> => {
      if (key.startsWith("large")) await small.promise
      ended.push(key)
      if (key === "small 2") small.resolve()
    }
    expect(await eachObject(objects, 2, one, world())).toBe(true)
    expect(ended.slice(0, 2)).toEqual(["small 1", "small 2"])
    expect(ended.slice(2).sort()).toEqual(["large 1", "large 2"])
  })

  it("says when there was none, but not to whoever stopped before it was known", async () => {
    const none = async (): Promise<void> => undefined
    const { signal, stop } = world()
    expect(await eachObject([], 2, none, { signal })).toBe(false)
    stop()
    expect(await eachObject([], 2, none, { signal })).toBe(true)
  })

  it("begins no other once the user wants to stop, and a listing that ends by it is no failure", async () => {
    const { signal, stop } = world()
    const begun: Array<string> = []
    async function* listing() {
      yield { key: "a" }
      yield { key: "b" }
      throw new Error("aborted")
    }
    const one = async ({ key }: { readonly key: string }): Promise<void> => {
      begun.push(key)
      stop()
    }
    expect(await eachObject(listing(), 1, one, { signal })).toBe(true)
    expect(begun).toEqual(["a"])
    await expect(eachObject(listing(), 1, one, world())).rejects.toThrow("aborted")
  })
})
