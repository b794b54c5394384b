/** Runs tasks of one key one after the other, in the order they came; tasks of different keys run side by side. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>()

  async run<A>(key: string, task: () => Promise<A>): Promise<A> {
    const before = this.#tails.get(key)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#tails.set(key, promise)
    try {
      await before
      return await task()
    } finally {
      if (this.#tails.get(key) === promise) this.#tails.delete(key)
      resolve()
    }
  }
}
