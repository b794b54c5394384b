import * as Plugin from "@sluice/core/Plugin"
import type { UploadError } from "@sluice/core/UploadError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"

export type HookName = keyof Plugin.Hooks | "open"

/** A place at which an upload is held for ever: before a hook is asked, or when it has answered. */
export interface Halt {
  readonly hook: HookName
  readonly when: "before" | "after"
}

/** A plugin with somebody beside it. */
export interface Attended {
  readonly plugin: Plugin.Plugin
  /** The hooks that it had in its uploads so far. */
  readonly hooks: Set<HookName>
  readonly count: { opened: number; closed: number }
  readonly resumed: Array<{ readonly resumed: boolean; readonly saved: unknown }>
  readonly saved: Array<unknown>
  /** Promises that it broke, in words. */
  readonly broken: Array<string>
  /** Whether an upload with it could be resumed. */
  replayable: boolean
  halt: Halt | undefined
  /** Resolves when an upload is held. */
  readonly halted: Promise<void>
}

/** What stands in memory that a hook was lent, once it has returned. */
const poison = 0xdb

/**
 * The plugin, watched: each of its hooks gets memory of its own, which is poisoned when it returns. Whoever keeps a part's
 * bytes longer than they are lent reads 0xDB.
 */
export const attend = (inner: Plugin.Plugin, halt?: Halt): Attended => {
  const reached = Promise.withResolvers<void>()
  const attended: Attended = {
    plugin: { name: inner.name, open: (upload) => open(upload), read: inner.read && reading(inner.read) },
    hooks: new Set<HookName>(["open"]),
    count: { opened: 0, closed: 0 },
    resumed: [],
    saved: [],
    broken: [],
    replayable: true,
    halt,
    halted: reached.promise
  }

  const holds = (hook: HookName, when: Halt["when"]): boolean => {
    const holds = attended.halt?.hook === hook && attended.halt.when === when
    if (holds) reached.resolve()
    return holds
  }
  const held = <A, R>(hook: HookName, effect: Effect.Effect<A, UploadError, R>): Effect.Effect<A, UploadError, R> =>
    Effect.suspend(() => (holds(hook, "before") ? Effect.never : effect)).pipe(
      Effect.tap(() => Effect.suspend(() => (holds(hook, "after") ? Effect.never : Effect.void)))
    )

  const open: Plugin.Plugin["open"] = Effect.fnUntraced(function* (upload) {
    attended.resumed.push({ resumed: upload.resumed, saved: upload.saved })
    yield* Effect.acquireRelease(
      Effect.sync(() => attended.count.opened++),
      () => Effect.sync(() => attended.count.closed++)
    )
    const save: typeof upload.save = (state) => {
      attended.saved.push(state)
      return upload.save(state)
    }
    const hooks = yield* held("open", inner.open({ ...upload, save }))
    for (const name of Plugin.hookNames) if (hooks[name] !== undefined) attended.hooks.add(name)
    const { plan, body, part, send, finish, verify, on } = hooks
    if (body?.replay === "none") attended.replayable = false
    return {
      ...hooks,
      ...(plan && { plan: (value) => held("plan", plan(value)) }),
      ...(body && { body: { ...body, transform: (bytes) => streamed(body.transform(bytes)) } }),
      ...(part && { part: lentPart(part) }),
      ...(send && { send: (value, next) => held("send", lentSend(send, value, next)) }),
      ...(finish && { finish: (receipts) => held("finish", finish(receipts)) }),
      ...(verify && { verify: (object) => held("verify", verify(object)) }),
      ...(on && { on: (event) => observed(event._tag, on(event)) })
    } satisfies Plugin.Hooks
  })

  async function* streamed(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    if (holds("body", "before")) await new Promise(() => undefined)
    for await (const chunk of bytes) {
      yield chunk
      if (holds("body", "after")) await new Promise(() => undefined)
    }
  }

  const lentPart = (hook: Plugin.PartHook): Plugin.PartHook => ({
    ...hook,
    overhead: (size) => {
      const [once, again] = [hook.overhead(size), hook.overhead(size)]
      if (once !== again) attended.broken.push(`overhead(${size}) is ${once}, and then ${again}`)
      if (!Number.isSafeInteger(once) || size + once < 0) attended.broken.push(`overhead(${size}) is ${once}`)
      return once
    },
    transform: (part) =>
      held(
        "part",
        Effect.suspend(() => {
          const lent = part.bytes.slice()
          return Effect.map(hook.transform({ ...part, bytes: lent }), (output) => {
            const pieces = output instanceof Uint8Array ? [output] : output
            // What it gives may lie in what it was lent.
            const given = pieces.map((piece) => (piece.buffer === lent.buffer ? piece.slice() : piece))
            const size = given.reduce((sum, { length }) => sum + length, 0)
            const said = lent.length + hook.overhead(lent.length)
            if (size !== said) attended.broken.push(`a part of ${lent.length} bytes became ${size}, not ${said}`)
            lent.fill(poison)
            return given
          })
        })
      )
  })

  const lentSend = (
    hook: NonNullable<Plugin.Hooks["send"]>,
    part: Plugin.SendPart,
    next: Plugin.NextSend
  ): ReturnType<Plugin.NextSend> =>
    Effect.suspend(() => {
      const lent = part.body.slices.map((slice) => slice.slice())
      const body = { ...part.body, slices: lent }
      let sent = 0
      const once: Plugin.NextSend = (given) => {
        if (++sent > 1) attended.broken.push("send called next twice in one attempt")
        return next(given.body === body ? { ...given, body: part.body } : given)
      }
      return Effect.ensuring(
        hook({ ...part, body }, once),
        Effect.sync(() => {
          for (const slice of lent) slice.fill(poison)
        })
      )
    })

  const observed = (event: string, effect: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.catchCause(effect, (cause) => {
      if (Cause.hasInterrupts(cause)) return Effect.failCause(cause)
      return Effect.sync(() => void attended.broken.push(`on died of ${event}: ${Cause.pretty(cause)}`))
    })

  return attended
}

const reading = (hook: Plugin.ReadHook): Plugin.ReadHook => ({
  ...hook,
  open: (object, below) =>
    hook.open(object, { ...below, open: (offset, length) => lentChunks(below.open(offset, length)) })
})

/** Each chunk is valid until the next is asked for. */
async function* lentChunks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let lent: Uint8Array | undefined
  try {
    for await (const chunk of chunks) {
      lent?.fill(poison)
      lent = chunk.slice()
      yield lent
    }
  } finally {
    lent?.fill(poison)
  }
}
