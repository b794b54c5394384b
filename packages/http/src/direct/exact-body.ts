/**
 * A reading as the body of a response: all of the bytes that were promised, or a broken connection.
 *
 * @module
 */

/**
 * Asks for the first bytes at once, so that what fails before any came can still be answered as a failure; rejects then.
 *
 * HTTP has one way to say that a body is not the object: to end before its length. So the last chunk is held back until
 * the reading has ended well, which is when the bytes have been compared, and no byte beyond `size` leaves: a client would
 * take it for the next response. What the stream fails with stays here, because adapters may write it out.
 *
 * @param size bytes that must come; undefined where nobody knows
 * @param onFailure told what broke the body; not of a client that went away
 */
export const exactBody = async (
  stream: ReadableStream<Uint8Array>,
  size: number | undefined,
  onFailure: (error: unknown) => void
): Promise<ReadableStream<Uint8Array>> => {
  const reader = stream.getReader()
  let sent = 0
  let over = false
  const next = async (): Promise<Uint8Array | undefined> => {
    const { done, value } = await reader.read()
    sent += value?.length ?? 0
    if (size === undefined || over || (done ? sent === size : sent <= size)) return value
    await reader.cancel().catch(() => undefined)
    throw new Error(`the object has ${done ? `only ${sent}` : "more"} of ${size} bytes`)
  }
  let held = await next()
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const chunk = held
          if (chunk !== undefined) {
            held = await next()
            if (!over) controller.enqueue(chunk)
          }
          if (held === undefined && !over) controller.close()
        } catch (error) {
          if (over) return
          over = true
          onFailure(error)
          controller.error(new Error("the object could not be read to its end"))
        }
      },
      cancel: async () => {
        over = true
        await reader.cancel()
      }
    },
    { highWaterMark: 0 }
  )
}
