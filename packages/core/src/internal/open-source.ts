/**
 * Opens a source and runs it through the `body` hooks.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BodyHook } from "../Plugin.ts"
import { fromAsyncIterable, type Source, type SourceReader, sourceFailed } from "../Source.ts"
import { isUploadError, type UploadError, uploadError } from "../UploadError.ts"
import type { Named } from "./run-hooks.ts"

/** Chunks handed to `body` hooks. */
const chunkSize = 64 * 1024

/** The reader's bytes in memory of their own, counted against the declared size. */
async function* chunksOf(reader: SourceReader, declared: number | undefined): AsyncGenerator<Uint8Array> {
  let actual = 0
  while (true) {
    const chunk = await nextChunk(reader)
    if (chunk === undefined) break
    actual += chunk.length
    yield chunk
  }
  if (declared !== undefined && actual !== declared) throw uploadError({ _tag: "SizeMismatch", declared, actual })
}

const nextChunk = async (reader: SourceReader): Promise<Uint8Array | undefined> => {
  try {
    if (reader._tag === "Chunks") {
      const { done, value } = await reader.next()
      // A copy: hooks may keep a chunk, sources may use its memory again.
      return done === true ? undefined : value?.slice()
    }
    const chunk = new Uint8Array(chunkSize)
    const n = await reader.read([chunk])
    return n === 0 ? undefined : chunk.subarray(0, n)
  } catch (cause) {
    throw sourceFailed(cause)
  }
}

/** Whether the hooks let the source's size stand. */
export const keepsSize = (hooks: ReadonlyArray<Named<BodyHook>>): boolean =>
  hooks.every(({ hook }) => hook.size === "same")

/** Whether the hooks give the same bytes again. */
export const replays = (hooks: ReadonlyArray<Named<BodyHook>>): boolean =>
  hooks.every(({ hook }) => hook.replay === "deterministic")

const failedIn = (plugin: string, cause: unknown): UploadError =>
  uploadError({ _tag: "PluginFailed", plugin, hook: "body", cause }, { cause })

/** What `transform` gives; what it fails with names the plugin, but for the source's own failure passing through. */
async function* transformed(
  bytes: AsyncIterable<Uint8Array>,
  { plugin, hook }: Named<BodyHook>
): AsyncGenerator<Uint8Array> {
  try {
    yield* hook.transform(bytes)
  } catch (cause) {
    throw isUploadError(cause) ? cause : failedIn(plugin, cause)
  }
}

/**
 * The source's bytes as they are split into parts. Without `body` hooks: the source itself, in chunks where its length
 * is unknown and `part` hooks are to hear which part is the last.
 */
export const openSource = (
  source: Source,
  hooks: { readonly body: ReadonlyArray<Named<BodyHook>>; readonly part: ReadonlyArray<unknown> }
): Effect.Effect<SourceReader, UploadError, Scope.Scope> =>
  Effect.flatMap(source.open(0), (reader) => {
    const inChunks = reader._tag === "Positional" && source.size === undefined && hooks.part.length > 0
    return hooks.body.length > 0 || inChunks
      ? fromAsyncIterable(hooks.body.reduce(transformed, chunksOf(reader, source.size))).open(0)
      : Effect.succeed(reader)
  })
