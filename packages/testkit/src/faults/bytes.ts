type Bytes = AsyncGenerator<Uint8Array, undefined, undefined>

/** Passes `count` bytes on and then stops, at the latest where the stream ends. */
export async function* stopAfter(bytes: AsyncIterable<Uint8Array>, count: number, stop: () => Promise<never>): Bytes {
  if (count <= 0) await stop()
  let left = count
  for await (const chunk of bytes) {
    yield chunk.subarray(0, left)
    left -= chunk.length
    if (left <= 0) await stop()
  }
  return stop()
}

/** Flips the lowest bit of one byte, in a copy. */
export async function* flipByte(bytes: AsyncIterable<Uint8Array>, position: number): Bytes {
  let at = position
  for await (const chunk of bytes) {
    if (at >= 0 && at < chunk.length) {
      const flipped = Uint8Array.from(chunk)
      flipped[at] = (flipped[at] ?? 0) ^ 1
      yield flipped
    } else yield chunk
    at -= chunk.length
  }
  return undefined
}

export async function* streamOf(texts: ReadonlyArray<string>): Bytes {
  for (const text of texts) yield Buffer.from(text)
  return undefined
}
