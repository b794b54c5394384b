/**
 * Opens plugins and composes their hooks: order, stages, failures that name plugin and hook.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { PluginDescription } from "../Description.ts"
import type { StoredPart } from "../ObjectStore.ts"
import type { PartReceipt } from "../Part.ts"
import type {
  BodyHook,
  DeliverHook,
  Hooks,
  NextSend,
  PartBytes,
  PartHook,
  Plugin,
  SendPart,
  Stage,
  UploadContext
} from "../Plugin.ts"
import type { StoredObject } from "../StoredObject.ts"
import { invalidRequest, isUploadError, type UploadError, uploadError } from "../UploadError.ts"
import type { UploadPlan } from "../UploadPlan.ts"
import { seenPlugins } from "./describe-plugins.ts"
import { hooksProblem } from "./hook-shape.ts"
import { type Guest, inTime } from "./in-time.ts"
import { joinSlices, lengthOf } from "./join-slices.ts"
import { kindOf, mustBeEffect } from "./must-be-effect.ts"
import type { Observer } from "./observe.ts"
import { stageOrder } from "./stage-order.ts"

/** All plugins' hooks of one upload, composed. */
export interface OpenedHooks {
  /** The plugins, as they answered `open`. */
  readonly seen: ReadonlyArray<PluginDescription>
  readonly plan: (plan: UploadPlan) => Effect.Effect<UploadPlan, UploadError>
  /** In stage order; empty when no plugin touches the stream. */
  readonly body: ReadonlyArray<Named<BodyHook>>
  /** In stage order; empty when no plugin changes parts. */
  readonly part: ReadonlyArray<Named<PartHook>>
  /** Whether a plugin sees parts as they are sent. */
  readonly seesParts: boolean
  readonly send: (part: SendPart, innermost: NextSend) => Effect.Effect<StoredPart, UploadError>
  readonly finish: (receipts: ReadonlyArray<PartReceipt>) => Effect.Effect<void, UploadError>
  readonly verify: (object: StoredObject) => Effect.Effect<void, UploadError>
  readonly observers: ReadonlyArray<Observer>
  readonly deliveries: ReadonlyArray<Named<DeliverHook>>
}

export interface Named<H> {
  readonly plugin: string
  readonly hook: H
}

/** Only one plugin may compress, only one may encrypt: twice is never meant. */
const exclusive: ReadonlySet<Stage> = new Set<Stage>(["compress", "encrypt"])

/** Anything a hook dies of becomes `PluginFailed`; an `UploadError` passes, interruption too. No answer in time is one. */
export const guardedInTime = <A, R>(
  guest: Guest,
  effect: () => Effect.Effect<A, UploadError, R>
): Effect.Effect<A, UploadError, R> =>
  guarded(guest.plugin, guest.hook, () =>
    inTime(
      guest,
      Effect.suspend(() => mustBeEffect(effect()))
    )
  )

/** The same for a hook that may take as long as it likes. */
const guarded = <A, R>(
  plugin: string,
  hook: string,
  effect: () => Effect.Effect<A, UploadError, R>
): Effect.Effect<A, UploadError, R> =>
  Effect.catchCause(
    Effect.suspend(() => mustBeEffect(effect())),
    (cause) => {
      if (Cause.hasInterrupts(cause)) return Effect.failCause(cause)
      const defect = Cause.squash(cause)
      return Effect.fail(
        isUploadError(defect)
          ? defect
          : uploadError({ _tag: "PluginFailed", plugin, hook, cause: defect }, { cause: defect })
      )
    }
  )

const byStage = <H extends { readonly stage: Stage }>(
  hooks: ReadonlyArray<Named<H>>
): Effect.Effect<ReadonlyArray<Named<H>>, UploadError> => {
  for (const stage of exclusive) {
    const [first, second] = hooks.filter((named) => named.hook.stage === stage)
    if (first !== undefined && second !== undefined) {
      return Effect.fail(
        invalidRequest(`plugins "${first.plugin}" and "${second.plugin}" both ${stage} the bytes; keep one of them`)
      )
    }
  }
  return Effect.succeed([...hooks].sort((a, b) => stageOrder[a.hook.stage] - stageOrder[b.hook.stage]))
}

/** Opens every plugin in list order; the scope runs their finalizers in reverse. */
export const openHooks = Effect.fnUntraced(function* <R>(
  plugins: ReadonlyArray<Plugin<R>>,
  contextFor: (plugin: string) => UploadContext,
  timeoutMs: number
): Effect.fn.Return<OpenedHooks, UploadError, R | Scope.Scope> {
  const asked = <A, R>(plugin: string, hook: string, effect: () => Effect.Effect<A, UploadError, R>) =>
    guardedInTime({ plugin, hook, timeoutMs }, effect)
  const opened: Array<Named<Hooks>> = []
  for (const plugin of plugins) {
    const hook = yield* asked(plugin.name, "open", () => plugin.open(contextFor(plugin.name)))
    const problem = hooksProblem(hook)
    if (problem !== undefined) return yield* invalidRequest(`plugin "${plugin.name}" ${problem}`)
    opened.push({ plugin: plugin.name, hook })
  }
  const pick = <K extends keyof Hooks>(name: K): ReadonlyArray<Named<NonNullable<Hooks[K]>>> =>
    opened.flatMap(({ plugin, hook }) => {
      const one = hook[name]
      return one === undefined ? [] : [{ plugin, hook: one }]
    })

  const plans = pick("plan")
  const sends = pick("send")
  const finishes = pick("finish")
  const verifies = pick("verify")
  return {
    seen: seenPlugins(
      plugins,
      opened.map(({ hook }) => hook)
    ),
    plan: (plan) =>
      Effect.reduce(
        plans,
        () => plan,
        (current, { plugin, hook }) => asked(plugin, "plan", () => Effect.map(mustBeEffect(hook(current)), wholePlan))
      ),
    body: yield* byStage(pick("body")),
    part: yield* byStage(pick("part").map(withSoundOverhead)),
    seesParts: sends.length > 0,
    send: (part, innermost) =>
      sends.reduceRight<NextSend>(
        (next, { plugin, hook }) =>
          (part) =>
            guarded(plugin, "send", () => Effect.map(mustBeEffect(hook(part, once(plugin, next))), aReceipt)),
        innermost
      )(part),
    finish: (receipts) =>
      Effect.forEach(finishes, ({ plugin, hook }) => asked(plugin, "finish", () => hook(receipts)), {
        discard: true
      }),
    verify: (object) =>
      Effect.forEach(verifies, ({ plugin, hook }) => asked(plugin, "verify", () => hook(object)), { discard: true }),
    observers: pick("on").map(({ plugin, hook }) => ({ plugin, on: hook })),
    deliveries: pick("deliver")
  }
})

/** `next` sends; sending twice in one attempt would store a part twice. */
const once = (plugin: string, next: NextSend): NextSend => {
  let called = false
  return (part) => {
    if (called) {
      return Effect.fail(
        uploadError({
          _tag: "PluginFailed",
          plugin,
          hook: "send",
          cause: new Error("next was called twice in one attempt")
        })
      )
    }
    called = true
    return next(part)
  }
}

/** A plan that lost a field would be found out far from whoever lost it. */
const wholePlan = (plan: UploadPlan): UploadPlan => {
  if (typeof plan === "object" && plan !== null && "key" in plan && "layout" in plan && "attributes" in plan)
    return plan
  throw new TypeError(`it gave ${kindOf(plan)} that is no plan; answer with { ...plan, key } and whatever else changes`)
}

const aReceipt = (stored: StoredPart): StoredPart => {
  if (typeof stored === "object" && stored !== null && typeof stored.etag === "string") return stored
  throw new TypeError(`it gave ${kindOf(stored)} instead of the stored part; answer with what next(part) gives`)
}

/** Asked for outside of the hook's own guard, and reckoned with. */
const withSoundOverhead = ({ hook, plugin }: Named<PartHook>): Named<PartHook> => ({
  plugin,
  hook: {
    ...hook,
    overhead: (size) => {
      const failed = (cause: unknown) => uploadError({ _tag: "PluginFailed", plugin, hook: "part", cause }, { cause })
      let bytes: number
      try {
        bytes = hook.overhead(size)
      } catch (cause) {
        throw failed(cause)
      }
      if (Number.isSafeInteger(bytes)) return bytes
      throw failed(new TypeError(`overhead(${size}) gave ${String(bytes)}; answer with a whole number of bytes`))
    }
  }
})

const piecesOf = (output: Uint8Array | ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => {
  const pieces = output instanceof Uint8Array ? [output] : output
  if (Array.isArray(pieces) && pieces.every((piece) => piece instanceof Uint8Array)) return pieces
  throw new TypeError(`it gave ${kindOf(output)} instead of bytes; answer with a Uint8Array, or several`)
}

/** Runs the `part` hooks over one part's contiguous bytes. The output's length must be what `overhead` declared. */
export const transformPart = (
  hooks: ReadonlyArray<Named<PartHook>>,
  part: PartBytes,
  timeoutMs: number
): Effect.Effect<ReadonlyArray<Uint8Array>, UploadError> =>
  Effect.reduce(
    hooks,
    (): ReadonlyArray<Uint8Array> => [part.bytes],
    (pieces, { plugin, hook }) => {
      const bytes = joinSlices(pieces)
      const transform = () => Effect.map(mustBeEffect(hook.transform({ ...part, bytes })), piecesOf)
      return guardedInTime({ plugin, hook: "part", timeoutMs }, transform).pipe(
        Effect.filterOrFail(
          (output) => lengthOf(output) === bytes.length + hook.overhead(bytes.length),
          (output) =>
            uploadError({
              _tag: "PluginFailed",
              plugin,
              hook: "part",
              cause: new Error(
                `${bytes.length} bytes became ${lengthOf(output)}, but overhead() declared ${hook.overhead(bytes.length)} more`
              )
            })
        )
      )
    }
  )

/** Bytes all `part` hooks together add to a part of `size` bytes. */
export const partOverhead = (hooks: ReadonlyArray<Named<PartHook>>, size: number): number =>
  hooks.reduce((sum, { hook }) => sum + hook.overhead(size + sum), 0)
