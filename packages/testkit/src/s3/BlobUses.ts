import type { S3Stream } from "./message.ts"
import type { Segment } from "./Records.ts"
import type { S3Store } from "./store/S3Store.ts"

/** Counts who needs a blob (records, requests under way, readers) and forgets it with the last one. */
export class BlobUses {
  readonly #store: S3Store
  readonly #counts = new Map<string, number>()

  constructor(store: S3Store) {
    this.#store = store
  }

  retain(segments: ReadonlyArray<Segment>): void {
    for (const { blob } of segments) this.#counts.set(blob, (this.#counts.get(blob) ?? 0) + 1)
  }

  async release(segments: ReadonlyArray<Segment>): Promise<void> {
    const unused: Array<string> = []
    for (const { blob } of segments) {
      const left = (this.#counts.get(blob) ?? 1) - 1
      if (left > 0) this.#counts.set(blob, left)
      else if (this.#counts.delete(blob)) unused.push(blob)
    }
    for (const blob of unused) await this.#store.forgetBlob(blob)
  }

  /** Stores a body and hands it to `commit`. The bytes stay if a record that is saved there names them. */
  async write<A>(
    body: AsyncIterable<Uint8Array>,
    commit: (segments: ReadonlyArray<Segment>) => Promise<A>
  ): Promise<A> {
    const writer = await this.#store.writeBlob()
    let length = 0
    try {
      for await (const chunk of body) {
        length += chunk.length
        await writer.write(chunk)
      }
    } catch (error) {
      await writer.abort()
      throw error
    }
    if (length === 0) {
      await writer.abort()
      return commit([])
    }
    const segments = [{ blob: await writer.commit(), offset: 0, length }]
    return this.holding(segments, () => commit(segments))
  }

  /** Runs `work` while these bytes stay, whatever happens to the object they belong to. */
  async holding<A>(segments: ReadonlyArray<Segment>, work: () => Promise<A>): Promise<A> {
    this.retain(segments)
    try {
      return await work()
    } finally {
      await this.release(segments)
    }
  }

  /** Reads segments one after the other. They are held from now on: an overwrite does not pull them away mid-read. */
  stream(segments: ReadonlyArray<Segment>): S3Stream {
    this.retain(segments)
    let held = true
    const letGo = async () => {
      if (!held) return
      held = false
      await this.release(segments)
    }
    const chunks = this.#chunks(segments)
    return {
      next: async () => {
        try {
          const result = await chunks.next()
          if (result.done === true) await letGo()
          return result
        } catch (error) {
          await letGo()
          throw error
        }
      },
      return: async () => {
        const result = await chunks.return(undefined)
        await letGo()
        return result
      },
      [Symbol.asyncIterator]() {
        return this
      }
    }
  }

  async *#chunks(segments: ReadonlyArray<Segment>): AsyncGenerator<Uint8Array, undefined, undefined> {
    for (const { blob, offset, length } of segments) yield* this.#store.readBlob(blob, offset, length)
    return undefined
  }
}
