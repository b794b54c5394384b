import { crc32OfSlices } from "@sluice/core/Checksum"
import type { PartBody, Watched } from "@sluice/core/ObjectStore"
import { type UploadError, uploadError } from "@sluice/core/UploadError"
import * as Result from "effect/Result"
import { drawStoreFault, type StoreFault, troubleError } from "./Faults.ts"
import type { OperationName } from "./History.ts"
import type { VirtualProcess } from "./VirtualProcess.ts"
import type { Answer } from "./VirtualS3.ts"
import type { World } from "./World.ts"

/** One call of the store, before it is on its way. */
export interface Call<A> {
  readonly operation: OperationName
  readonly key: string
  readonly uploadId?: string | undefined
  readonly partNumber?: number | undefined
  readonly body?: PartBody | undefined
  readonly parts?: ReadonlyArray<{ readonly partNumber: number; readonly etag: string }>
  readonly writeToken?: string | undefined
  readonly onActivity?: Watched["onActivity"]
  /** Does it, as the store does. */
  readonly apply: (bytes: Uint8Array) => Answer<A>
  /** The upload that the answer names. */
  readonly created?: (answer: A) => string
  /** The answer with another ETag. */
  readonly mislabel?: (answer: A) => A
}

const denied = uploadError({ _tag: "AccessDenied", message: "not allowed, this once" })

/** Bytes as a socket takes them: a copy, made now. */
const copyOf = ({ size, slices }: PartBody): Uint8Array => {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const slice of slices) {
    bytes.set(slice, at)
    at += slice.length
  }
  return bytes
}

const nothing = new Uint8Array(0)

/** Whether the store has done it when the caller hears `fault`. */
const isApplied = (fault: StoreFault | undefined): boolean => {
  switch (fault?._tag) {
    case "Refused":
    case "Denied":
    case "Corrupted":
      return false
    case "Silent":
      return fault.applied
    case "Killed":
      return fault.when !== "sent"
    default:
      return true
  }
}

/** What the caller hears instead of the answer. */
const errorOf = (fault: StoreFault | undefined): UploadError | undefined => {
  switch (fault?._tag) {
    case "Refused":
    case "AnswerLost":
      return troubleError(fault.trouble)
    case "Denied":
      return denied
    case "Late":
      return troubleError("reset")
    case "Corrupted":
      return uploadError(
        { _tag: "ChecksumMismatch", message: "the store received other bytes than were sent (BadDigest)" },
        { retry: "temporary" }
      )
    default:
      return undefined
  }
}

/** Who calls, from where, and who is told. */
export interface Caller<A> {
  readonly world: World
  readonly process: VirtualProcess
  readonly actor: string
  readonly resume: (answer: Answer<A>) => void
}

/** One request on its way: its body is read, the store does what it says, the answer travels back; or some of that. */
export class Exchange<A> {
  readonly #call: Call<A>
  readonly #caller: Caller<A>
  readonly #fault: StoreFault | undefined
  readonly #id: number
  /** CRC32 of the body as it was handed over. */
  readonly #handed: number | undefined
  readonly #downMs: number
  /** Given up on the way, it may have arrived whole already. */
  readonly #arrivesAnyway: boolean
  readonly #forget: () => void
  readonly #cancel: ReadonlyArray<() => void>
  #bytes: Uint8Array = nothing
  #arrived = false
  #over = false

  constructor(call: Call<A>, caller: Caller<A>) {
    const { actor, process, world } = caller
    const { body, operation, partNumber } = call
    const { faults, s3, time } = world
    const site = faults.visit(`${actor} ${operation}${partNumber === undefined ? "" : ` ${partNumber}`}`)
    const checksums = s3.capabilities.checksum !== "none"
    const draw = faults.drawAt(site)
    this.#call = call
    this.#caller = caller
    this.#fault =
      world.storm(site) ?? faults.decide(site, (prng) => drawStoreFault(prng, world.weather, operation, checksums))
    this.#id = world.sent({ ...call, actor, process })
    this.#handed = body === undefined ? undefined : crc32OfSlices(body.slices)
    const upMs = draw.between(1, 120)
    this.#downMs = draw.between(1, 40) + (this.#fault?._tag === "Slow" ? this.#fault.ms : 0)
    // Not a Create: nobody could find what it leaves then.
    this.#arrivesAnyway = draw.chance(0.3) && operation !== "CreateMultipartUpload"
    this.#forget = process.onDeath(this.leave)
    const sent = !(this.#fault?._tag === "Killed" && this.#fault.when === "sent")
    this.#cancel = sent ? [time.in(upMs * 0.7, this.#read), time.in(upMs, this.#arrive)] : []
    if (!sent) this.#kill()
    if (this.#fault?._tag === "Frozen") world.freeze(process, this.#fault.ms)
  }

  /** Nobody waits any more: the connection is closed. */
  readonly leave = (): void => {
    if (this.#over) return
    this.#end()
    this.#caller.world.record({ _tag: "Left", call: this.#id })
    const whole = this.#call.body === undefined || this.#bytes.length === this.#call.body.size
    if (!this.#arrived && !(this.#arrivesAnyway && whole)) for (const cancel of this.#cancel) cancel()
  }

  #end(): void {
    this.#over = true
    this.#forget()
  }

  readonly #kill = (): void => {
    this.leave()
    this.#caller.world.kill(this.#caller.process)
  }

  readonly #read = (): void => {
    const { body, onActivity } = this.#call
    if (this.#over || body === undefined) return
    this.#bytes = copyOf(body)
    if (crc32OfSlices([this.#bytes]) !== this.#handed) {
      this.#caller.world.record({ _tag: "BodyChanged", call: this.#id })
    }
    onActivity?.()
    body.onAccepted?.(this.#bytes.length)
  }

  readonly #arrive = (): void => {
    const { time } = this.#caller.world
    const fault = this.#fault
    this.#arrived = true
    if (fault?._tag === "Late") time.in(fault.ms, this.#perform)
    const answer = fault?._tag !== "Late" && isApplied(fault) ? this.#perform() : undefined
    if (fault?._tag === "Killed" && fault.when === "applied") this.#kill()
    else if (fault?._tag !== "Silent") time.in(this.#downMs, () => this.#tell(answer))
  }

  readonly #perform = (): Answer<A> => {
    const damaged = this.#fault?._tag === "Misstored"
    const answer = this.#call.apply(damaged ? this.#bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) : this.#bytes)
    this.#caller.world.record({
      _tag: "Applied",
      call: this.#id,
      refused: Result.isFailure(answer) ? answer.failure.reason._tag : undefined,
      uploadId: Result.isSuccess(answer) ? this.#call.created?.(answer.success) : undefined
    })
    return answer
  }

  #tell(answer: Answer<A> | undefined): void {
    const { mislabel = (same: A) => same, onActivity } = this.#call
    if (this.#over) return
    onActivity?.()
    const error = errorOf(this.#fault)
    if (this.#fault?._tag === "Killed") this.#kill()
    else if (error !== undefined) this.#hear(Result.fail(error))
    else if (answer !== undefined) this.#hear(this.#fault?._tag === "WrongETag" ? Result.map(answer, mislabel) : answer)
  }

  #hear(answer: Answer<A>): void {
    const { process, resume, world } = this.#caller
    process.soon(() => {
      if (this.#over) return
      this.#end()
      const reason = Result.isFailure(answer) ? answer.failure.reason : undefined
      world.record({
        _tag: "Heard",
        call: this.#id,
        error: reason && { reason: reason._tag, away: reason._tag === "Unavailable" && reason.away === true }
      })
      resume(answer)
    })
  }
}
