/** Files that change under the upload's hands, and disks that fail (docs/reliability.md). */
import { appendFile, mkdtemp, rename, rm, unlink, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Plugin from "@sluice/core/Plugin"
import { Source } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { pattern } from "../engine/bytes.ts"
import { onEmbedded } from "../engine/target.ts"
import { attempt, failedWith, quick } from "../engine/trial.ts"

const part = quick.partSize

let directory = ""
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-faults-"))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/** Acts once: before the file is read, or when its first part is on its way. */
const meddler = (when: "plan" | "send", act: () => Promise<void>) =>
  Plugin.make({
    name: "test/meddler",
    open: () =>
      Effect.succeed(
        when === "plan"
          ? { plan: (plan) => Effect.as(Effect.promise(act), plan) }
          : {
              send: (sending, next) =>
                sending.partNumber === 1 ? Effect.andThen(Effect.promise(act), next(sending)) : next(sending)
            }
      )
  })

onEmbedded("a file that changes while it is uploaded fails the upload, and nothing is completed [row 53]", (target) => {
  describe.each([
    ["in parts, when the first is on its way", 3 * part, "send"],
    ["as one PUT, before it is read", 1_000, "plan"]
  ] as const)("%s", (_, size, when) => {
    it.each<[string, (path: string) => Promise<void>, "SourceChanged" | "SourceFailed" | "SizeMismatch"]>([
      ["that grows", (path) => appendFile(path, "more"), "SizeMismatch"],
      ["that is written again, as long as before", (path) => writeFile(path, pattern(size, 9)), "SourceChanged"],
      ["that is touched", (path) => utimes(path, 1, 1), "SourceChanged"],
      [
        "that another is put in the place of",
        async (path) => {
          await writeFile(`${path}.new`, pattern(size))
          await rename(`${path}.new`, path)
        },
        "SourceChanged"
      ],
      ["that is deleted", unlink, "SourceFailed"]
    ])("%s", async (what, change, reason) => {
      const path = join(directory, `${what} ${size}`)
      await writeFile(path, pattern(size))
      const setup = { plugins: [meddler(when, () => change(path))], concurrency: 1 }
      const outcome = await attempt(target(), { body: Source.file(path) }, setup)
      failedWith(outcome, reason)
    })
  })

  it.each([
    ["at once", 0],
    ["after two parts", 2 * part]
  ])("whose disk fails %s says so [row 53]", async (_, good) => {
    const bytes = pattern(3 * part)
    const broken = Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" })
    const source: Source.Source = {
      ...Source.fromBytes(bytes),
      open: (offset) =>
        Effect.sync(() => {
          let at = offset
          return {
            _tag: "Positional",
            read: async (into) => {
              if (at >= good) throw broken
              let n = 0
              for (const slice of into) {
                const piece = bytes.subarray(at, Math.min(at + slice.length, good))
                slice.set(piece)
                at += piece.length
                n += piece.length
              }
              return n
            }
          }
        })
    }
    const error = failedWith(await attempt(target(), { body: source }), "SourceFailed")
    expect(error.message).toContain("i/o error")
  })
})
