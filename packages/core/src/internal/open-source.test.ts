import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { BodyHook } from "../Plugin.ts"
import type { Source, SourceReader } from "../Source.ts"
import { openSource } from "./open-source.ts"

/** Gives three chunks in one buffer that is used again, as `Source.stdin` does. */
const reusing = (): SourceReader => {
  const buffer = new Uint8Array(4)
  let given = 0
  return {
    _tag: "Chunks",
    rest: new Uint8Array(0),
    next: async () => (given === 3 ? { done: true } : { value: buffer.fill(++given) })
  }
}

const source: Source = {
  size: undefined,
  replayable: false,
  name: undefined,
  contentType: undefined,
  identity: undefined,
  open: () => Effect.sync(reusing)
}

describe("a body hook", () => {
  it.effect("may keep the chunks it is given: they are its own, whatever the source does with its memory", () =>
    Effect.gen(function* () {
      const keeps: BodyHook = {
        stage: "observe",
        size: "same",
        replay: "deterministic",
        transform: async function* (bytes) {
          const kept: Array<Uint8Array> = []
          for await (const chunk of bytes) kept.push(chunk)
          yield* kept
        }
      }
      const reader = yield* openSource(source, { part: [], body: [{ plugin: "acme/keeps", hook: keeps }] }, 1_000)
      if (reader._tag !== "Chunks") return expect.fail("a transformed source comes in chunks")
      const seen: Array<number | undefined> = []
      for (let i = 0; i < 3; i++) seen.push((yield* Effect.promise(reader.next)).value?.[0])
      expect(seen).toEqual([1, 2, 3])
    })
  )
})
