import * as Source from "@sluice/core/Source"
import type { Prng } from "./Prng.ts"
import type { Job } from "./Scenario.ts"
import type { World } from "./World.ts"

/** Chunks of any length; breaks after `failAfter` bytes, where that is set. */
async function* chunksOf(content: Uint8Array, draw: Prng, failAfter: number | undefined): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; ) {
    const to = Math.min(content.length, at + draw.between(1, 64))
    if (failAfter !== undefined && to > failAfter) throw new Error("the source broke")
    yield content.slice(at, to)
    at = to
  }
}

/** The source of a job: bytes that can be read again, or a stream; now and then one that breaks. */
export const sourceOf = (world: World, { content, replayable, sized }: Job, actor: string): Source.Source => {
  if (replayable) return sized ? Source.fromBytes(content) : { ...Source.fromBytes(content), size: undefined }
  const site = `${actor} source`
  const fault = world.faults.decide(site, (prng) =>
    prng.chance(world.weather.plugin / 2)
      ? { _tag: "SourceFails" as const, after: prng.below(content.length + 1) }
      : undefined
  )
  const chunks = chunksOf(content, world.faults.drawAt(site), fault?.after)
  return Source.fromAsyncIterable(chunks, sized ? { size: content.length } : {})
}
