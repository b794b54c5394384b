import { describe, expect, it } from "vitest"
import { crashFiles } from "../../test/crash-files.ts"
import type { DurableFiles } from "../platform/durable-files.ts"
import { numberedFile } from "./numbered-file.ts"

describe("a numbered file", () => {
  it("refuses a writer that was overtaken so far that its number is free again", async () => {
    const { files } = crashFiles()
    await files.makeDirectory("/d")
    const others = numberedFile(files, "head")
    expect(await others.replace("/d", 0, 1, "one")).toBe("done")
    const late: DurableFiles = {
      ...files,
      link: async (from, to) => {
        expect(await others.replace("/d", 1, 2, "two")).toBe("done")
        expect(await others.replace("/d", 2, 3, "three")).toBe("done")
        return files.link(from, to)
      }
    }
    expect(await numberedFile(late, "head").replace("/d", 1, 2, "too late")).toBe("lost")
    expect(await others.read("/d")).toEqual({ number: 3, text: "three" })
    expect(await files.list("/d")).toEqual(["head.3"])
  })

  it("is read again when it is replaced between the look and the read", async () => {
    const { files } = crashFiles()
    await files.makeDirectory("/d")
    const others = numberedFile(files, "head")
    await others.replace("/d", 0, 9, "nine")
    let overtaken = false
    const late: DurableFiles = {
      ...files,
      read: async (path) => {
        if (!overtaken) {
          overtaken = true
          await others.replace("/d", 9, 10, "ten")
        }
        return files.read(path)
      }
    }
    expect(await numberedFile(late, "head").read("/d")).toEqual({ number: 10, text: "ten" })
  })
})
