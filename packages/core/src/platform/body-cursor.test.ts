import { describe, expect, it } from "vitest"
import { type BodyCursor, makeBodyCursor } from "./body-cursor.ts"

/** Chunks in one buffer that is used again and again, and whether the reading was ended. */
const reading = (chunks: ReadonlyArray<ReadonlyArray<number>>) => {
  const buffer = new Uint8Array(8)
  const state = { ended: false }
  async function* open() {
    try {
      for (const chunk of chunks) {
        buffer.set(chunk)
        yield buffer.subarray(0, chunk.length)
      }
    } finally {
      state.ended = true
    }
  }
  return { open, state }
}

const drain = async (body: BodyCursor, most: number): Promise<ReadonlyArray<number>> => {
  const bytes: Array<number> = []
  while (!body.ended()) {
    if (body.dry()) await body.refill()
    else bytes.push(...body.take(body.ahead(most)).flatMap((slice) => [...slice]))
  }
  return bytes
}

describe("a body's cursor", () => {
  it("gives slices first, then what is read, and asks for more only when all was taken", async () => {
    const { open, state } = reading([[3, 4, 5], [], [6], [7, 8]])
    const body = makeBodyCursor({ body: [Uint8Array.of(1, 2)], open, headers: { "content-length": "8" } })
    expect(await drain(body, 2)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    await body.close()
    expect(state.ended).toBe(true)
  })

  it("fails when less comes than was announced", async () => {
    const body = makeBodyCursor({ body: [], open: reading([[1]]).open, headers: { "content-length": "3" } })
    await expect(drain(body, 9)).rejects.toThrow("2 bytes early")
  })

  it("takes no more than was announced, and ends the reading when it is closed", async () => {
    const { open, state } = reading([
      [1, 2],
      [3, 4]
    ])
    const body = makeBodyCursor({ body: [], open, headers: { "content-length": "2" } })
    expect(await drain(body, 9)).toEqual([1, 2])
    await body.close()
    expect(state.ended).toBe(true)
  })

  it("is its slices where there is no more", async () => {
    const body = makeBodyCursor({ body: [Uint8Array.of(1), Uint8Array.of(2)], headers: {} })
    expect(await drain(body, 1)).toEqual([1, 2])
    await body.close()
  })
})
