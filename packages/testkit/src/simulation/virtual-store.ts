import { crc32OfSlices } from "@sluice/core/Checksum"
import type { ObjectStoreApi, PartBody, UploadPart, Watched } from "@sluice/core/ObjectStore"
import { metadataToken } from "@sluice/core/Session"
import { type UploadError, uploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Actor } from "./Actor.ts"
import { drawStoreFault, type StoreFault, troubleError } from "./Faults.ts"
import type { OperationName } from "./History.ts"
import type { VirtualProcess } from "./VirtualProcess.ts"
import type { Answer, ReceivedBody } from "./VirtualS3.ts"
import type { World } from "./World.ts"

/** One call, before it is on its way. */
interface Call<A> {
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
const wrongEtag = "0".repeat(32)

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

/** The world's store as one process sees it: over a network that takes time, and where things go wrong. */
export const makeVirtualStore = (world: World, process: VirtualProcess): ObjectStoreApi => {
  const { faults, s3, time } = world
  const { capabilities } = s3
  const withCrc = (crc32: number, bytes: Uint8Array): ReceivedBody => ({
    bytes,
    crc32: capabilities.checksum === "none" ? undefined : crc32
  })

  const send = <A>(call: Call<A>, actor: string): Effect.Effect<A, UploadError> =>
    Effect.callback<A, UploadError>((resume) => {
      const { body, mislabel = (same: A) => same, onActivity, operation, partNumber } = call
      if (!process.alive) return
      const site = faults.visit(`${actor} ${operation}${partNumber === undefined ? "" : ` ${partNumber}`}`)
      const fault =
        world.storm(site) ??
        faults.decide(site, (prng) => drawStoreFault(prng, world.weather, operation, capabilities.checksum !== "none"))
      const draw = faults.drawAt(site)
      const id = world.sent({ ...call, actor, process })
      const upMs = draw.between(1, 120)
      const downMs = draw.between(1, 40) + (fault?._tag === "Slow" ? fault.ms : 0)
      // Given up on the way, it may have arrived whole already; not a Create, which nobody could find then.
      const arrivesAnyway = operation !== "CreateMultipartUpload" && draw.chance(0.3)

      let bytes: Uint8Array = nothing
      const handed = body === undefined ? undefined : crc32OfSlices(body.slices)
      const read = (): void => {
        if (body === undefined) return
        bytes = copyOf(body)
        if (crc32OfSlices([bytes]) !== handed) world.record({ _tag: "BodyChanged", call: id })
        onActivity?.()
        body.onAccepted?.(bytes.length)
      }
      const perform = (): Answer<A> => {
        const damaged = fault?._tag === "Misstored" && bytes.length > 0
        const answer = call.apply(damaged ? bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) : bytes)
        world.record({
          _tag: "Applied",
          call: id,
          refused: Result.isFailure(answer) ? answer.failure.reason._tag : undefined,
          uploadId: Result.isSuccess(answer) ? call.created?.(answer.success) : undefined
        })
        return answer
      }
      let over = false
      const die = (): void => {
        process.kill()
        world.record({ _tag: "Killed", process: process.name })
      }
      const heard = (answer: Answer<A>): void =>
        process.soon(() => {
          if (over) return
          over = true
          forget()
          const error = Result.isFailure(answer) ? answer.failure : undefined
          const { reason } = error ?? {}
          world.record({
            _tag: "Heard",
            call: id,
            error: reason && { reason: reason._tag, away: reason._tag === "Unavailable" && reason.away === true }
          })
          resume(Effect.fromResult(answer))
        })

      if (fault?._tag === "Killed" && fault.when === "sent") {
        world.record({ _tag: "Left", call: id })
        die()
        return
      }
      if (fault?._tag === "Frozen") {
        process.freeze(fault.ms)
        world.record({ _tag: "Frozen", process: process.name })
      }
      let arrived = false
      const cancelRead = time.in(upMs * 0.7, () => {
        if (!over) read()
      })
      const arrive = (): void => {
        arrived = true
        if (fault?._tag === "Late") {
          time.in(fault.ms, perform)
          time.in(downMs, () => heard(Result.fail(troubleError("reset"))))
          return
        }
        const answer = isApplied(fault) ? perform() : undefined
        if (fault?._tag === "Killed" && fault.when === "applied") die()
        else if (fault?._tag !== "Silent") time.in(downMs, () => tell(answer))
      }
      const tell = (answer: Answer<A> | undefined): void => {
        if (!over) onActivity?.()
        const error = errorOf(fault)
        if (fault?._tag === "Killed") die()
        else if (error !== undefined) heard(Result.fail(error))
        else if (answer !== undefined) heard(fault?._tag === "WrongETag" ? Result.map(answer, mislabel) : answer)
      }
      const cancelArrival = time.in(upMs, arrive)
      const leave = (): void => {
        if (over) return
        over = true
        world.record({ _tag: "Left", call: id })
        if (arrived || (arrivesAnyway && (body === undefined || bytes.length === body.size))) return
        cancelRead()
        cancelArrival()
      }
      const forget = process.onDeath(leave)
      return Effect.sync(() => {
        forget()
        leave()
      })
    })

  const calling = <A>(call: Call<A>): Effect.Effect<A, UploadError> =>
    Effect.flatMap(Actor, (actor) => send(call, actor))
  const unused = Effect.fail(uploadError({ _tag: "InvalidRequest", message: "not in this simulation" }))
  const labelled = <A extends { readonly etag: string }>(answer: A): A => ({ ...answer, etag: wrongEtag })

  return {
    bucket: world.bucket,
    capabilities,
    location: (key) => `virtual:${world.bucket}/${key}`,
    createMultipartUpload: (input) =>
      calling({
        ...{ operation: "CreateMultipartUpload", key: input.key, writeToken: input.metadata?.[metadataToken] },
        onActivity: input.onActivity,
        apply: () => s3.createMultipartUpload(input),
        created: ({ uploadId }) => uploadId
      }),
    uploadPart: (input: UploadPart) =>
      calling({
        ...{ operation: "UploadPart", key: input.key, uploadId: input.uploadId, partNumber: input.partNumber },
        body: input.body,
        onActivity: input.onActivity,
        apply: (bytes) => s3.uploadPart(input.key, input.uploadId, input.partNumber, withCrc(input.crc32, bytes)),
        mislabel: labelled
      }),
    completeMultipartUpload: (input) =>
      calling({
        ...{ operation: "CompleteMultipartUpload", key: input.key, uploadId: input.uploadId, parts: input.parts },
        onActivity: input.onActivity,
        apply: () => s3.completeMultipartUpload(input)
      }),
    abortMultipartUpload: ({ key, onActivity, uploadId }) =>
      calling({
        ...{ operation: "AbortMultipartUpload", key, uploadId, onActivity },
        apply: () => s3.abortMultipartUpload(key, uploadId)
      }),
    listParts: ({ after, key, onActivity, uploadId }) =>
      calling({
        ...{ operation: "ListParts", key, uploadId, onActivity },
        apply: () => s3.listParts(key, uploadId, after)
      }),
    listMultipartUploads: (input) =>
      calling({
        ...{ operation: "ListMultipartUploads", key: input.prefix, onActivity: input.onActivity },
        apply: () => s3.listMultipartUploads(input)
      }),
    putObject: (input) =>
      calling({
        ...{ operation: "PutObject", key: input.key, writeToken: input.metadata?.[metadataToken] },
        body: input.body,
        onActivity: input.onActivity,
        apply: (bytes) => s3.putObject(input, withCrc(input.crc32, bytes))
      }),
    headObject: (input) => calling({ operation: "HeadObject", key: input.key, apply: () => s3.headObject(input) }),
    getObject: () => unused,
    deleteObject: ({ key }) => calling({ operation: "DeleteObject", key, apply: () => s3.deleteObject(key) }),
    headBucket: () => calling({ operation: "HeadBucket", key: "", apply: () => Result.void })
  }
}
