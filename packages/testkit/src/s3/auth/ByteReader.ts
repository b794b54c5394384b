/** Reads lines and counted runs of bytes from a stream of chunks; an end in the middle of one throws `truncated`. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #truncated: Error
  #rest: Uint8Array = new Uint8Array(0)

  constructor(chunks: AsyncIterable<Uint8Array>, truncated: Error) {
    this.#chunks = chunks[Symbol.asyncIterator]()
    this.#truncated = truncated
  }

  /** The next CRLF-ended line without its end, at most `max` bytes long. */
  async line(max: number): Promise<string> {
    const line = await this.#line(max)
    if (line === undefined) throw this.#truncated
    return line
  }

  /** Like `line`, but the stream may end here: an empty line then. */
  async lineOrEnd(max: number): Promise<string> {
    return (await this.#line(max)) ?? ""
  }

  async #line(max: number): Promise<string | undefined> {
    let line = ""
    while (line.length <= max + 2) {
      if (this.#rest.length === 0 && !(await this.#pull())) {
        if (line === "") return undefined
        throw this.#truncated
      }
      const end = this.#rest.indexOf(0x0a)
      const taken = this.#rest.subarray(0, end < 0 ? this.#rest.length : end + 1)
      this.#rest = this.#rest.subarray(taken.length)
      line += Buffer.from(taken).toString("latin1")
      if (end < 0) continue
      if (!line.endsWith("\r\n") || line.length > max + 2) break
      return line.slice(0, -2)
    }
    throw this.#truncated
  }

  /** Exactly `count` bytes, in the pieces in which they come. */
  async *take(count: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let left = count; left > 0; ) {
      if (this.#rest.length === 0 && !(await this.#pull())) throw this.#truncated
      const piece = this.#rest.subarray(0, left)
      this.#rest = this.#rest.subarray(piece.length)
      left -= piece.length
      yield piece
    }
  }

  async isAtEnd(): Promise<boolean> {
    return this.#rest.length === 0 && !(await this.#pull())
  }

  async #pull(): Promise<boolean> {
    // A chunk without a byte is not the end.
    for (let next = await this.#chunks.next(); next.done !== true; next = await this.#chunks.next()) {
      this.#rest = next.value
      if (next.value.length > 0) return true
    }
    return false
  }
}
