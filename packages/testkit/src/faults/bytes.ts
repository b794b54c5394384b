type Bytes = AsyncGenerator<Uint8Array, undefined, undefined>
type Chunks = AsyncIterable<Uint8Array>

/** Passes `count` bytes on and then stops, at the latest where the stream ends. */
export async function* stopAfter(bytes: Chunks, count: number, stop: () => Promise<never>): Bytes {
  if (count <= 0) await stop()
  let left = count
  for await (const chunk of bytes) {
    yield chunk.subarray(0, left)
    left -= chunk.length
    if (left <= 0) await stop()
  }
  return stop()
}

/** Ends after `count` bytes. */
export async function* cutAt(bytes: Chunks, count: number): Bytes {
  let left = count
  if (left <= 0) return undefined
  for await (const chunk of bytes) {
    yield chunk.subarray(0, left)
    left -= chunk.length
    if (left <= 0) return undefined
  }
  return undefined
}

/** Flips the lowest bit of one byte, in a copy. */
export async function* flipByte(bytes: Chunks, position: number): Bytes {
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

/** Pieces of at most the size that is drawn for each. */
export async function* sliced(bytes: Chunks, size: () => number): Bytes {
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; ) {
      const end = at + Math.max(1, size())
      yield chunk.subarray(at, end)
      at = end
    }
  }
  return undefined
}

/** So many bytes a second, in pieces of a tenth of that. */
export async function* paced(bytes: Chunks, bytesPerSecond: number, sleep: (ms: number) => Promise<void>): Bytes {
  const piece = Math.max(1, Math.ceil(bytesPerSecond / 10))
  for await (const chunk of sliced(bytes, () => piece)) {
    await sleep((chunk.length / bytesPerSecond) * 1_000)
    yield chunk
  }
  return undefined
}

/** Latency: chunks wait beside each other, not one after another. So many are read ahead. */
export async function* delayed(bytes: Chunks, sleep: () => Promise<void>, ahead = 32): Bytes {
  const reader = bytes[Symbol.asyncIterator]()
  const read = () => {
    const next = reader.next().then(async (result) => {
      if (result.done !== true) await sleep()
      return result
    })
    next.catch(() => {}) // Told when it is its turn.
    return next
  }
  const coming = Array.from({ length: ahead }, read)
  for (let next = coming.shift(); next !== undefined; next = coming.shift()) {
    const result = await next
    if (result.done === true) return undefined
    coming.push(read())
    yield result.value
  }
  return undefined
}

export async function* streamOf(texts: ReadonlyArray<string>): Bytes {
  for (const text of texts) yield Buffer.from(text)
  return undefined
}

/** All of it, in memory. */
export async function collect(bytes: Chunks): Promise<Buffer> {
  const chunks: Array<Uint8Array> = []
  // Copied: a chunk is its giver's again when the next one is asked for.
  for await (const chunk of bytes) chunks.push(Uint8Array.from(chunk))
  return Buffer.concat(chunks)
}
