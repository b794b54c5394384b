import { expect, it } from "@effect/vitest"
import { profiles } from "@sluice/core/Limits"
import type { UploadContext } from "@sluice/core/Plugin"
import * as Effect from "effect/Effect"
import { annotationsFor, noteName, noteOf, notePlugin } from "./ResumeNote.ts"

const place = { endpoint: "http://127.0.0.1:9000", region: undefined, profile: "team", provider: "minio" } as const

/** The session's plugin state after the plugin was opened for an upload of `file`. */
const stateAfter = (file: string | undefined, how: { readonly resumed?: boolean; readonly size?: number } = {}) =>
  Effect.gen(function* () {
    let saved: unknown = { file: "/before" }
    const upload: Pick<UploadContext, "annotations" | "resumed" | "source" | "save"> = {
      annotations: annotationsFor(file),
      resumed: how.resumed ?? false,
      source: { size: how.size, name: undefined, contentType: undefined, replayable: true, identity: undefined },
      save: (state) =>
        Effect.sync(() => {
          // As the journal keeps it.
          saved = JSON.parse(JSON.stringify(state))
        })
    }
    yield* Effect.scoped(notePlugin(place).open({ ...rest, ...upload }))
    return { pluginState: { [noteName]: saved } }
  })

const rest: Omit<UploadContext, "annotations" | "resumed" | "source" | "save"> = {
  sessionId: "s",
  bucket: "media",
  key: "k",
  capabilities: profiles.minio,
  saved: undefined,
  exists: () => Effect.succeed(false),
  stored: () => Effect.never
}

it.effect("says which file and which store, and no more", () =>
  Effect.gen(function* () {
    expect(noteOf(yield* stateAfter("/big.bin", { size: 3 }))).toEqual({ ...place, file: "/big.bin" })
    expect(noteOf(yield* stateAfter("-"))).toMatchObject({ file: "-" })
  })
)

it.effect("does not keep a path that would fill the record", () =>
  Effect.gen(function* () {
    expect(noteOf(yield* stateAfter(`/${"x".repeat(4_000)}`, { size: 3 }))).toEqual({ ...place, file: undefined })
  })
)

it.effect("follows a file that was moved, and forgets none for a file that cannot be read", () =>
  Effect.gen(function* () {
    expect(noteOf(yield* stateAfter("/moved", { resumed: true, size: 3 }))).toMatchObject({ file: "/moved" })
    expect(noteOf(yield* stateAfter("/nowhere", { resumed: true }))).toMatchObject({ file: "/before" })
  })
)

it("is absent from what others began, and reads only what it wrote", () => {
  expect(noteOf({ pluginState: {} })).toBeUndefined()
  expect(noteOf({ pluginState: { [noteName]: "text" } })).toBeUndefined()
  expect(noteOf({ pluginState: { [noteName]: { file: 1, provider: "constructor" } } })).toEqual({
    file: undefined,
    endpoint: undefined,
    region: undefined,
    profile: undefined,
    provider: undefined
  })
})
