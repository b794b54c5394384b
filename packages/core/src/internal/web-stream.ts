const aborted = (): DOMException => new DOMException("the reading was aborted", "AbortError")

/** Chunks as a web stream, pulled: nothing is read before it is asked for. `close` is called at its end, whatever that is. */
export const webStream = (
  chunks: AsyncIterator<Uint8Array<ArrayBuffer>>,
  close: () => Promise<void>,
  signal: AbortSignal | undefined
): ReadableStream<Uint8Array<ArrayBuffer>> => {
  let onAbort = (): void => undefined
  const end = (): Promise<void> => {
    signal?.removeEventListener("abort", onAbort)
    return close()
  }
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start: (controller) => {
        onAbort = () => {
          controller.error(aborted())
          void end()
        }
        signal?.addEventListener("abort", onAbort, { once: true })
      },
      pull: async (controller) => {
        try {
          const { done, value } = await chunks.next()
          if (signal?.aborted === true) return
          if (done !== true) return controller.enqueue(value)
          await end()
          controller.close()
        } catch (cause) {
          await end()
          if (signal?.aborted !== true) controller.error(cause)
        }
      },
      cancel: end
    },
    { highWaterMark: 0 }
  )
}
