import * as Plugin from "@sluice/core/Plugin"
import { reject, type UploadError, uploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import { Actor } from "./Actor.ts"
import type { VirtualProcess } from "./VirtualProcess.ts"
import type { World } from "./World.ts"

/** Which plugins the uploads of a scenario have. */
export interface Guests {
  /** Bytes a part: as small as the scenario's objects. */
  readonly partSize: number
  /** One that changes bytes, and adds some to each part. */
  readonly bytes: boolean
  /** One that changes the length. */
  readonly length: boolean
  /** One that tells somebody of the end. */
  readonly deliver: boolean
  /** One that watches, slowly and clumsily. */
  readonly watch: boolean
}

const tail = 3
const mask = 0x5a
const masked = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ mask)

/** What the byte-changing plugin has written, as it was. */
export const readBack = (bytes: Uint8Array, partSizes: ReadonlyArray<number>): Uint8Array => {
  let offset = 0
  const parts = partSizes.map((size) => {
    const part = bytes.subarray(offset, offset + size - tail)
    offset += size
    return masked(part)
  })
  return Buffer.concat(parts)
}

const passing = (): UploadError =>
  uploadError({ _tag: "Unavailable", message: "what the plugin asks is away" }, { retry: "temporary" })

/** The plugins of a scenario in one process: they behave, but now and then they fail. */
export const guestPlugins = (world: World, guests: Guests, process: VirtualProcess): ReadonlyArray<Plugin.Plugin> => {
  const { faults, weather } = world

  /** Fails now and then. */
  const risky = (hook: string, error: () => UploadError): Effect.Effect<void, UploadError> =>
    Effect.flatMap(Actor, (actor) => {
      const site = faults.visit(`${actor} hook ${hook}`)
      const fault = faults.decide(site, (prng) =>
        prng.chance(weather.plugin / 4) ? { _tag: "PluginFails" as const, dies: prng.chance(0.2) } : undefined
      )
      if (fault === undefined) return Effect.void
      return fault.dies ? Effect.die(new Error(`the plugin broke in ${hook}`)) : Effect.fail(error())
    })
  const refusing = (): UploadError => reject("the plugin does not want it")

  const parts = Plugin.make({
    name: "simulation/parts",
    open: () =>
      Effect.as(risky("open", refusing), {
        plan: (plan) =>
          Effect.as(risky("plan", refusing), { ...plan, layout: { ...plan.layout, partSize: guests.partSize } }),
        send: (part, next) => Effect.flatMap(risky(`send ${part.partNumber}`, passing), () => next(part)),
        finish: () => risky("finish", refusing),
        verify: () => risky("verify", refusing)
      } satisfies Plugin.Hooks)
  })
  const bytes = Plugin.make({
    name: "simulation/bytes",
    open: () =>
      Effect.succeed({
        part: {
          stage: "encrypt",
          overhead: () => tail,
          transform: (part) =>
            Effect.map(risky(`part ${part.partNumber}`, refusing), () => {
              const output = new Uint8Array(part.bytes.length + tail)
              output.set(masked(part.bytes))
              return output
            })
        }
      } satisfies Plugin.Hooks)
  })
  const length = Plugin.make({
    name: "simulation/length",
    open: () =>
      Effect.succeed({
        body: { stage: "observe", size: "unknown", replay: "deterministic", transform: (chunks) => chunks }
      } satisfies Plugin.Hooks)
  })
  const deliver = Plugin.make({
    name: "simulation/deliver",
    open: ({ sessionId }) =>
      Effect.succeed({
        deliver: {
          name: "news",
          events: ["UploadCompleted", "UploadFailed", "UploadCancelled"],
          send: ({ event, id }) =>
            Effect.map(risky("deliver", passing), () => {
              if (process.alive) world.record({ _tag: "Delivered", sessionId, id, event: event._tag })
            })
        }
      } satisfies Plugin.Hooks)
  })
  const watch = Plugin.make({
    name: "simulation/watch",
    open: () =>
      Effect.succeed({
        on: () => Effect.andThen(Effect.sleep(50), Effect.orDie(risky("on", refusing)))
      } satisfies Plugin.Hooks)
  })
  return [
    parts,
    ...(guests.length ? [length] : []),
    ...(guests.bytes ? [bytes] : []),
    ...(guests.deliver ? [deliver] : []),
    ...(guests.watch ? [watch] : [])
  ]
}
