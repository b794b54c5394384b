import type { Socket } from "node:net"
import { Hangup } from "../s3/message.ts"
import { stopAfter } from "./bytes.ts"
import { type FaultClock, pause, untilGone } from "./FaultClock.ts"
import type { ConnectionStrike } from "./FaultInjector.ts"
import { shapeBytes } from "./shape-bytes.ts"

type Chunks = AsyncIterable<Uint8Array>
type Direction = "body" | "response"

export interface Connection {
  readonly client: Socket
  readonly store: Socket
  readonly strikes: ReadonlyArray<ConnectionStrike>
  readonly clock: FaultClock
  /** Aborted when the proxy closes; a fault that holds a connection holds it until then. */
  readonly closing: AbortSignal
  readonly count: { toStore: number; toClient: number }
}

/** Where both directions vanish, once they do. */
interface Hole {
  fallen: boolean
}

/** Passes both directions on until both have ended; ends and resets of one side become those of the other. */
export async function relayConnection(connection: Connection): Promise<void> {
  const { client, count, store } = connection
  const hole: Hole = { fallen: false }
  const pump = async (from: Socket, to: Socket, direction: Direction): Promise<void> => {
    try {
      for await (const chunk of shaped(connection, read(from), direction, hole)) {
        if (direction === "body") count.toStore += chunk.length
        else count.toClient += chunk.length
        if (to.destroyed || to.writableEnded) return
        if (!to.write(chunk)) await drained(to)
      }
      await slowClose(connection)
      to.end()
    } catch (error) {
      if (!hole.fallen || connection.closing.aborted) hangUp(error, connection, to)
    }
  }
  await Promise.all([pump(client, store, "body"), pump(store, client, "response")])
  if (hole.fallen) return
  client.destroySoon()
  store.destroySoon()
}

const read = (socket: Socket): Chunks => socket.iterator({ destroyOnReturn: false })

/** The bytes of one direction, through every fault that struck the connection, the earliest rule outermost. */
function shaped(
  { clock, closing: signal, strikes }: Connection,
  bytes: Chunks,
  direction: Direction,
  hole: Hole
): Chunks {
  return strikes.reduceRight<Chunks>((inner, { action, phase, random }) => {
    switch (action.type) {
      case "refuse":
      case "connectionLimit":
      case "slowClose":
        return inner
      case "blackhole":
        return direction === "body"
          ? stopAfter(inner, action.afterBytes, () => {
              hole.fallen = true
              return untilGone(signal)
            })
          : swallowed(inner, hole, signal)
      case "hang":
        // The store hears of it in phase `response` alone; the client never hears of the store.
        return phase === "response" && direction === "body"
          ? inner
          : shapeBytes(action, inner, { clock, random, signal })
      case "delay":
      case "slow":
      case "slice":
        return (phase ?? direction) === direction ? shapeBytes(action, inner, { clock, random, signal }) : inner
      default:
        return (phase ?? "body") === direction ? shapeBytes(action, inner, { clock, random, signal }) : inner
    }
  }, bytes)
}

async function* swallowed(bytes: Chunks, hole: Hole, closing: AbortSignal): AsyncGenerator<Uint8Array, undefined> {
  for await (const chunk of bytes) {
    if (hole.fallen) await untilGone(closing)
    yield chunk
  }
  if (hole.fallen) await untilGone(closing)
  return undefined
}

async function slowClose({ clock, closing, strikes }: Connection): Promise<void> {
  for (const { action } of strikes) if (action.type === "slowClose") await pause(clock, action.ms, closing)
}

/** How one side ended, told to the other; what a fault ends, the client feels. */
function hangUp(error: unknown, { client, store }: Connection, to: Socket): void {
  if (!(error instanceof Hangup)) {
    // A side broke off. Node names a reset; any other end in the middle is a plain one.
    if (isReset(error)) to.resetAndDestroy()
    else to.destroy()
    return
  }
  if (error.how === "halfClose") return void client.end()
  if (error.how === "reset") client.resetAndDestroy()
  else client.destroy()
  store.destroy()
}

const isReset = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ECONNRESET"

const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done).off("close", done)
      resolve()
    }
    socket.on("drain", done).on("close", done)
  })
