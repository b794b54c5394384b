import { spawnSync } from "node:child_process"
import { describe, expect, it } from "vitest"
import { type Holder, isDead, thisProcess } from "./holder.ts"

describe.skipIf(process.platform !== "linux")("the holder of a lease", () => {
  const me = async (): Promise<Holder> => (await thisProcess()) ?? expect.fail("Linux has /proc")

  it("is this process, which lives", async () => {
    expect((await me()).pid).toBe(process.pid)
    expect(await isDead(await me(), await me())).toBe(false)
  })

  it("is dead when its process id is free, or was given to another process", async () => {
    const { pid } = spawnSync("true")
    expect(await isDead({ ...(await me()), pid }, await me())).toBe(true)
    expect(await isDead({ ...(await me()), started: "1" }, await me())).toBe(true)
  })

  it("is not called dead from another machine, boot or container", async () => {
    const { pid } = spawnSync("true")
    const [boot] = (await me()).place.split(" ")
    expect(await isDead({ ...(await me()), pid, place: `${boot} pid:[1]` }, await me())).toBe(false)
    expect(await isDead({ ...(await me()), pid }, undefined)).toBe(false)
  })
})
