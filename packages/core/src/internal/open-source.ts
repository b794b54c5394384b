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
import { inTimeTransformed } from "./in-time.ts"
import { kindOf } from "./must-be-effect.ts"
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
async function* named(plugin: string, make: () => AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    const made = make()
    if (!(Symbol.asyncIterator in Object(made) || Symbol.iterator in Object(made))) {
      throw new TypeError(`it gave ${kindOf(made)} instead of an async iterable; write it as async function*`)
    }
    for await (const chunk of made) {
      if (!(chunk instanceof Uint8Array)) {
        throw new TypeError(`it gave ${kindOf(chunk)} instead of bytes; encode it to Uint8Array first`)
      }
      yield chunk
    }
  } catch (cause) {
    throw isUploadError(cause) ? cause : failedIn(plugin, cause)
  }
}

/**
 * The source's bytes as they are split into parts. Without `body` hooks: the source itself, in chunks where its length
 * is unknown and `part` hooks are to hear which part is the last.
 */
export const openSource = Effect.fnUntraced(function* (
  source: Source,
  hooks: { readonly body: ReadonlyArray<Named<BodyHook>>; readonly part: ReadonlyArray<unknown> },
  timeoutMs: number
): Effect.fn.Return<SourceReader, UploadError, Scope.Scope> {
  const reader = yield* source.open(0)
  const inChunks = reader._tag === "Positional" && source.size === undefined && hooks.part.length > 0
  if (hooks.body.length === 0 && !inChunks) return reader
  let bytes: AsyncIterable<Uint8Array> = chunksOf(reader, source.size)
  for (const { hook, plugin } of hooks.body) {
    const transform = (input: AsyncIterable<Uint8Array>) => named(plugin, () => hook.transform(input))
    bytes = yield* inTimeTransformed({ plugin, hook: "body", timeoutMs }, transform, bytes)
  }
  return yield* fromAsyncIterable(bytes).open(0)
})
