import { describe, expect, it } from "vitest"
import type { UploadEvent } from "../UploadEvent.ts"
import { makeEventHistory } from "./event-history.ts"

const event = (at: number): UploadEvent => ({ _tag: "Completing", sessionId: "s", bucket: "b", key: "k", at })

const rest = async (events: AsyncGenerator<UploadEvent>): Promise<ReadonlyArray<number>> => {
  const seen: Array<number> = []
  for await (const { at } of events) seen.push(at)
  return seen
}

describe("an event history", () => {
  it("tells a late listener the first event and the newest", async () => {
    const history = makeEventHistory(3)
    for (const at of [1, 2, 3, 4, 5]) history.add(event(at))
    history.end()
    expect(await rest(history.follow())).toEqual([1, 4, 5])
    expect(await rest(history.follow())).toEqual([1, 4, 5])
  })

  it("tells a slow listener nothing twice, also when what it saw last is not kept any more", async () => {
    const history = makeEventHistory(3)
    for (const at of [1, 2]) history.add(event(at))
    const slow = history.follow()
    expect([(await slow.next()).value?.at, (await slow.next()).value?.at]).toEqual([1, 2])
    for (const at of [3, 4, 5, 6]) history.add(event(at))
    history.end()
    expect(await rest(slow)).toEqual([5, 6])
  })

  it("wakes listeners that wait, and ends them", async () => {
    const history = makeEventHistory(10)
    const both = Promise.all([rest(history.follow()), rest(history.follow())])
    await Promise.resolve()
    history.add(event(1))
    await Promise.resolve()
    history.add(event(2))
    history.end()
    expect(await both).toEqual([
      [1, 2],
      [1, 2]
    ])
  })

  it("of one event keeps the newest", async () => {
    const history = makeEventHistory(1)
    for (const at of [1, 2, 3]) history.add(event(at))
    history.end()
    expect(await rest(history.follow())).toEqual([3])
  })
})
