/**
 * The stored bytes through the plugins' inverse hooks, up to the bytes that were meant.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Plugin, ReadableBytes, ReadContext, ReadHook } from "../Plugin.ts"
import { collectYoung } from "../platform/collect-young.ts"
import { invalidRequest, isUploadError, type UploadError, uploadError } from "../UploadError.ts"
import { madeBy } from "./made-by.ts"
import { guardedInTime, type Named } from "./run-hooks.ts"
import { stageOrder } from "./stage-order.ts"

const failedIn = (plugin: string, cause: unknown): UploadError =>
  isUploadError(cause) ? cause : uploadError({ _tag: "PluginFailed", plugin, hook: "read", cause }, { cause })

/** A plugin's bytes: what it fails with names it. */
const named = (plugin: string, { open, size }: ReadableBytes): ReadableBytes => ({
  size,
  open: (offset, length) => ({
    [Symbol.asyncIterator]: () => {
      const bytes = open(offset, length)[Symbol.asyncIterator]()
      return {
        next: () =>
          bytes.next().catch((cause: unknown) => {
            throw failedIn(plugin, cause)
          }),
        return: async () => {
          await bytes.return?.()
          return { done: true, value: undefined }
        }
      }
    }
  })
})

/** Bytes for a plugin: a chunk that has memory of its own is garbage when the next is asked for. */
const forgotten = ({ open, ...rest }: ReadableBytes): ReadableBytes => ({
  ...rest,
  open: (offset, length) => ({
    [Symbol.asyncIterator]: () => {
      const bytes = open(offset, length)[Symbol.asyncIterator]()
      let last = nothing
      return {
        next: async () => {
          const next = await bytes.next()
          const chunk = next.done === true ? nothing : next.value
          if (chunk.buffer !== last.buffer) collectYoung(last.length)
          last = chunk
          return next
        },
        return: async () => {
          await bytes.return?.()
          return { done: true, value: undefined }
        }
      }
    }
  })
})

const nothing: Uint8Array = new Uint8Array(0)

/** Read hooks in the order in which they undo: what was done last comes first. */
const inReverse = <R>(plugins: ReadonlyArray<Plugin<R>>): ReadonlyArray<Named<ReadHook<R>>> =>
  plugins
    .flatMap(({ name, read }) => (read === undefined ? [] : [{ plugin: name, hook: read }]))
    .toSorted((a, b) => stageOrder[a.hook.stage] - stageOrder[b.hook.stage])
    .reverse()

/** An object that was made by plugins can be read only with them. */
const checkLoaded = <R>(plugins: ReadonlyArray<Plugin<R>>, { head }: ReadContext): Effect.Effect<void, UploadError> => {
  const missing = madeBy(head).filter((name) => !plugins.some((plugin) => plugin.name === name && plugin.read))
  return missing.length === 0
    ? Effect.void
    : Effect.fail(
        invalidRequest(
          `the object was made by the plugin "${missing.join('" and "')}", which is not loaded: load it to read the object, or ask for the stored bytes (raw)`,
          { operation: "GetObject", key: head.key }
        )
      )
}

/** Every plugin that made the object undoes its part, in reverse order. */
export const throughPlugins = Effect.fnUntraced(function* <R>(
  plugins: ReadonlyArray<Plugin<R>>,
  object: ReadContext,
  stored: ReadableBytes,
  timeoutMs: number
): Effect.fn.Return<ReadableBytes, UploadError, R | Scope.Scope> {
  yield* checkLoaded(plugins, object)
  let bytes = stored
  for (const { hook, plugin } of inReverse(plugins)) {
    const below = forgotten(bytes)
    const above = yield* guardedInTime({ plugin, hook: "read", timeoutMs }, () => hook.open(object, below))
    if (above !== undefined) bytes = named(plugin, above)
  }
  return bytes
})
