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
import {
  type BodyHook,
  type DeliverHook,
  type Hooks,
  hookNames,
  type NextSend,
  type PartBytes,
  type PartHook,
  type Plugin,
  type SendPart,
  type Stage,
  type UploadContext
} from "../Plugin.ts"
import type { StoredObject } from "../StoredObject.ts"
import { invalidRequest, isUploadError, type UploadError, uploadError } from "../UploadError.ts"
import type { UploadPlan } from "../UploadPlan.ts"
import { seenPlugins } from "./describe-plugins.ts"
import { type Guest, inTime } from "./in-time.ts"
import { joinSlices, lengthOf } from "./join-slices.ts"
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
): Effect.Effect<A, UploadError, R> => guarded(guest.plugin, guest.hook, () => inTime(guest, Effect.suspend(effect)))

/** The same for a hook that may take as long as it likes. */
const guarded = <A, R>(
  plugin: string,
  hook: string,
  effect: () => Effect.Effect<A, UploadError, R>
): Effect.Effect<A, UploadError, R> =>
  Effect.catchCause(Effect.suspend(effect), (cause) => {
    if (Cause.hasInterrupts(cause)) return Effect.failCause(cause)
    const defect = Cause.squash(cause)
    return Effect.fail(
      isUploadError(defect)
        ? defect
        : uploadError({ _tag: "PluginFailed", plugin, hook, cause: defect }, { cause: defect })
    )
  })

const unknownHooks = (hooks: object): ReadonlyArray<string> =>
  Object.keys(hooks).filter((name) => !hookNames.some((known) => known === name))

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
    const unknown = unknownHooks(hook)
    if (unknown.length > 0) {
      return yield* invalidRequest(
        `plugin "${plugin.name}" has an unknown hook "${unknown.join('", "')}"; the hooks are ${hookNames.join(", ")}`
      )
    }
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
        (current, { plugin, hook }) => asked(plugin, "plan", () => hook(current))
      ),
    body: yield* byStage(pick("body")),
    part: yield* byStage(pick("part")),
    seesParts: sends.length > 0,
    send: (part, innermost) =>
      sends.reduceRight<NextSend>(
        (next, { plugin, hook }) =>
          (part) =>
            guarded(plugin, "send", () => hook(part, once(plugin, next))),
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
      return guardedInTime({ plugin, hook: "part", timeoutMs }, () => hook.transform({ ...part, bytes })).pipe(
        Effect.map((output) => (output instanceof Uint8Array ? [output] : output)),
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
