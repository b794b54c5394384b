/**
 * Standard input, read into one buffer that is used again and again.
 *
 * `process.stdin` allocates 64 KiB a chunk: over a pipe of some GiB that doubled the CPU seconds and broke
 * the memory formula (measured; see `docs/decisions`).
 *
 * @module
 */
import type { Socket } from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ChunkReader, PositionalReader } from "../Source.ts"
import { builtin } from "./node-builtins.ts"

/** A pipe's capacity on Linux: more does not come at once. */
const bufferSize = 64 * 1024
const stdinFd = 0
const nothing = new Uint8Array(0)

type Next = Awaited<ReturnType<ChunkReader["next"]>>

interface Waiting {
  readonly resolve: (next: Next) => void
  readonly reject: (cause: unknown) => void
}

/** A chunk is valid until the next pull: the engine has copied it by then. */
const readerOf = (
  makeSocket: (options: {
    readonly fd: number
    readonly onread: { readonly buffer: Uint8Array; readonly callback: (bytes: number) => boolean }
  }) => Socket
): { readonly reader: ChunkReader; readonly close: () => void } => {
  const buffer = new Uint8Array(bufferSize)
  let waiting: Waiting | undefined
  let arrived: Next | undefined
  let failure: { readonly cause: unknown } | undefined

  const give = (next: Next): void => {
    if (waiting === undefined) arrived = next
    else {
      const { resolve } = waiting
      waiting = undefined
      resolve(next)
    }
  }
  const socket = makeSocket({
    fd: stdinFd,
    onread: {
      buffer,
      callback: (bytes) => {
        give({ value: buffer.subarray(0, bytes) })
        // Pauses the socket: nothing overwrites the buffer until the next pull.
        return false
      }
    }
  })
  socket.once("end", () => give({ done: true }))
  socket.once("error", (cause) => {
    failure = { cause }
    waiting?.reject(cause)
  })
  return {
    close: () => socket.destroy(),
    reader: {
      _tag: "Chunks",
      rest: nothing,
      next: () =>
        new Promise((resolve, reject) => {
          if (arrived !== undefined) {
            const next = arrived
            // The end stays the end, however often it is asked for.
            if (next.done !== true) arrived = undefined
            return resolve(next)
          }
          if (failure !== undefined) return reject(failure.cause)
          waiting = { resolve, reject }
          socket.resume()
        })
    }
  }
}

/** Redirected from a file: read where the shell has opened it. */
const fileReader = (fs: typeof import("node:fs")): PositionalReader => ({
  _tag: "Positional",
  read: (into) =>
    new Promise((resolve, reject) => {
      fs.readv(stdinFd, [...into], null, (error, bytes) => (error === null ? resolve(bytes) : reject(error)))
    })
})

/** How standard input is read best here, or undefined where `process.stdin` has to do (terminals, Bun, Deno). */
export const openStdin = (): Effect.Effect<ChunkReader | PositionalReader, never, Scope.Scope> | undefined => {
  const fs = builtin("node:fs")
  const net = builtin("node:net")
  if (fs === undefined || net === undefined || "Bun" in globalThis || "Deno" in globalThis) return undefined
  const stat = fs.fstatSync(stdinFd)
  if (stat.isFile()) return Effect.succeed(fileReader(fs))
  if (!stat.isFIFO() && !stat.isSocket()) return undefined
  return Effect.acquireRelease(
    Effect.sync(() => readerOf((options) => new net.Socket(options))),
    ({ close }) => Effect.sync(close)
  ).pipe(Effect.map(({ reader }) => reader))
}
