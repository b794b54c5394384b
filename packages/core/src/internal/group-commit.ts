interface Group<A> {
  text: string
  readonly written: Promise<A>
}

/**
 * Texts for a file that is just being written go together in the next write: one sync for all of them. Each
 * promise ends as the write that held its text.
 */
export const groupCommit = <A>(
  write: (path: string, text: string) => Promise<A>
): ((path: string, text: string) => Promise<A>) => {
  const waiting = new Map<string, Group<A>>()
  const writing = new Map<string, Promise<void>>()
  return (path, text) => {
    const joined = waiting.get(path)
    if (joined !== undefined) {
      joined.text += text
      return joined.written
    }
    const before = writing.get(path) ?? Promise.resolve()
    const group: Group<A> = {
      text,
      written: before.then(() => {
        waiting.delete(path)
        return write(path, group.text)
      })
    }
    waiting.set(path, group)
    const done = (): void => {
      if (writing.get(path) === settled) writing.delete(path)
    }
    const settled = group.written.then(done, done)
    writing.set(path, settled)
    return group.written
  }
}
