/**
 * One run for all who ask while another is under way: whoever asks is answered by a run that began afterwards, and
 * shares it with those who asked meanwhile.
 */
export function sharedRun(run: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined
  return () => {
    if (next !== undefined) return next
    const begun = last.then(() => {
      next = undefined
      return run()
    })
    next = begun
    last = begun.catch(() => undefined)
    return begun
  }
}
