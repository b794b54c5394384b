/** Bugs that an engine could have, planted around ours: the simulation must find each (issue 4, point 5). */
import { predictEtag } from "@sluice/core/Checksum"
import type { JournalApi, Lease } from "@sluice/core/Journal"
import type { ObjectStoreApi } from "@sluice/core/ObjectStore"
import { type UploadError, uploadError } from "@sluice/core/UploadError"
import type { RuleName, SimulationOptions } from "@sluice/testkit/simulation"
import * as Effect from "effect/Effect"

export interface PlantedBug {
  /** The first seed from 1 on that finds it. */
  readonly seed: number
  /** The promise that it breaks there. */
  readonly breaks: RuleName
  /** Made anew for each simulation. */
  readonly plant: () => Pick<SimulationOptions, "store" | "journal" | "pool">
}

const isPassing = ({ retry }: UploadError): boolean => retry === "temporary"
const mayBeApplied = ({ reason }: UploadError): boolean =>
  reason._tag === "Unavailable" || reason._tag === "InvalidResponse" || reason._tag === "Stalled"

const onStore = (change: (store: ObjectStoreApi) => Partial<ObjectStoreApi>): Pick<SimulationOptions, "store"> => ({
  store: (store) => ({ ...store, ...change(store) })
})
const onJournal = (change: (journal: JournalApi) => Partial<JournalApi>): Pick<SimulationOptions, "journal"> => ({
  journal: (journal) => ({ ...journal, ...change(journal) })
})

/** A lease that nobody gave. */
const stolen = (sessionId: string): Lease => ({
  sessionId,
  fence: 0,
  expiresAt: Number.MAX_SAFE_INTEGER,
  renew: Effect.suspend(() => Effect.succeed(stolen(sessionId))),
  release: Effect.void,
  stopRequested: Effect.succeed(false)
})

export const plantedBugs = {
  "skips a retry": {
    seed: 3,
    breaks: "retries are made",
    plant: () =>
      onStore((store) => ({
        uploadPart: (input) =>
          Effect.mapError(store.uploadPart(input), (error) =>
            isPassing(error) ? uploadError(error.reason, { ...error, retry: "persistent" }) : error
          )
      }))
  },
  "drops a receipt": {
    seed: 1,
    breaks: "receipts come first",
    plant: () =>
      onJournal((journal) => ({
        putReceipt: (id, receipt) => (receipt.partNumber === 2 ? Effect.void : journal.putReceipt(id, receipt))
      }))
  },
  "aborts while unknown": {
    seed: 2,
    breaks: "never aborted while unknown",
    plant: () =>
      onStore((store) => ({
        completeMultipartUpload: (input) =>
          Effect.tapError(store.completeMultipartUpload(input), (error) =>
            mayBeApplied(error) ? Effect.ignore(store.abortMultipartUpload(input)) : Effect.void
          )
      }))
  },
  "ignores a lease": {
    seed: 7,
    breaks: "leases never overlap",
    plant: () =>
      onJournal((journal) => ({
        acquire: (id, ttlMs) =>
          Effect.catchReason(journal.acquire(id, ttlMs), "UploadError", "SessionBusy", () => Effect.succeed(stolen(id)))
      }))
  },
  "uses a buffer again too early": {
    seed: 1,
    breaks: "bytes on their way stay",
    plant: () =>
      onStore((store) => ({
        uploadPart: (input) =>
          Effect.raceFirst(
            store.uploadPart(input),
            Effect.andThen(
              Effect.sleep(20),
              Effect.suspend(() => {
                for (const slice of input.body.slices) slice.fill(0xdd)
                return Effect.never
              })
            )
          )
      }))
  },
  "takes a lost answer for success": {
    seed: 2,
    breaks: "success is identical",
    plant: () =>
      onStore((store) => ({
        completeMultipartUpload: (input) =>
          Effect.catchIf(store.completeMultipartUpload(input), mayBeApplied, () =>
            Effect.succeed({
              etag: predictEtag(input.parts.map(({ etag }) => etag)) ?? "",
              versionId: undefined,
              encryption: undefined
            })
          )
      }))
  },
  "forgets to abort": {
    seed: 1,
    breaks: "what is left is named",
    plant: () => {
      const forgotten = new Set<string>()
      return onStore((store) => ({
        abortMultipartUpload: ({ uploadId }) =>
          Effect.sync(() => {
            forgotten.add(uploadId)
          }),
        listParts: (input) =>
          forgotten.has(input.uploadId) ? Effect.fail(uploadError({ _tag: "NoSuchUpload" })) : store.listParts(input)
      }))
    }
  },
  "keeps its memory": {
    seed: 1,
    breaks: "memory is a budget",
    plant: () => ({
      pool: (pool) => ({
        ...pool,
        join: (priority) => {
          const share = pool.join(priority)
          let released = 0
          // The second one never comes back.
          return { ...share, release: (slabs) => share.release(++released === 2 ? [] : slabs) }
        }
      })
    })
  }
} satisfies Readonly<Record<string, PlantedBug>>
