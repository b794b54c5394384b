import type { OnFailure } from "@sluice/core/Defaults"
import * as Journal from "@sluice/core/Journal"
import { createSluice } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { expect, it } from "vitest"
import { bytes, durableJournal, holdingAt, type Kept, optionsOf, part, resume, sessionOf } from "./resuming.ts"
import { onEmbedded } from "./target.ts"
import { freshKey } from "./trial.ts"

onEmbedded("what becomes of an upload that fails", (target) => {
  const denied = { type: "status", status: 403, code: "AccessDenied" } as const
  const broken = { type: "status", status: 500, code: "InternalError" } as const
  const always = { times: Number.POSITIVE_INFINITY }

  /** Part 3 cannot be stored. */
  const failing = async (kept: Kept, action: typeof denied | typeof broken, onFailure: OnFailure) => {
    const key = freshKey("policy")
    target().server.faults.add({ match: { op: "UploadPart", key, partNumber: 3 }, action, ...always })
    await using sluice = createSluice(optionsOf(target(), kept, { maxAttempts: 2 }))
    const upload = sluice.upload({ key, body: bytes, onFailure })
    const error = await upload.done().catch((cause: unknown) => cause)
    target().server.faults.clear()
    return { key, error, open: target().open(key) }
  }

  it.each([
    ["auto, passing trouble: kept", broken, "auto", 1],
    ["auto, a permanent reason: aborted", denied, "auto", 0],
    ["keep, a permanent reason: kept", denied, "keep", 1],
    ["abort, passing trouble: aborted", broken, "abort", 0]
  ] as const)("%s", async (_, action, onFailure, open) => {
    const kept = await durableJournal()
    const run = await failing(kept, action, onFailure)
    expect(run.open).toBe(open)
    const sessions = await Effect.runPromise(kept.journal.listByKey(target().bucket, run.key))
    expect(sessions).toHaveLength(open)
    if (open === 0) return
    expect((await resume(target(), kept, { key: run.key })).outcome).toMatchObject({ parts: 6 })
    await target().assertNothingLeft()
  })

  it("abort() ends it whatever the policy says", async () => {
    const kept = await durableJournal()
    const key = freshKey("abort")
    await using sluice = createSluice(optionsOf(target(), kept, { onFailure: "keep" }))
    const upload = sluice.upload({ key, body: holdingAt(bytes, 2 * part) })
    for await (const event of upload.events()) {
      if (event._tag === "PartStored" && event.partNumber === 2) void upload.abort()
    }
    await upload.abort()
    expect(target().open(key)).toBe(0)
    expect(await sluice.sessions()).toEqual([])
  })

  it("is not touched any more by a holder that lost its lease", async () => {
    const kept = await durableJournal()
    const key = freshKey("lost-lease")
    const busy = Effect.flatMap(kept.journal.get("nobody's"), () => Effect.never)
    const losing = Journal.Journal.of({
      ...kept.journal,
      acquire: (sessionId, ttlMs) =>
        Effect.map(kept.journal.acquire(sessionId, ttlMs), (lease) => ({ ...lease, renew: busy }))
    })
    await using sluice = createSluice(
      optionsOf(target(), kept, {
        journal: Layer.succeed(Journal.Journal, losing),
        leaseMs: 1_000,
        onFailure: "abort"
      })
    )
    const upload = sluice.upload({ key, body: holdingAt(bytes, 2 * part) })
    await expect(upload.done()).rejects.toMatchObject({ reason: { _tag: "SessionNotFound" } })
    expect(target().open(key)).toBe(1)
    expect((await sessionOf(kept, target(), key)).state).toBe("uploading")
    expect((await resume(target(), kept, { key })).outcome).toMatchObject({ parts: 6 })
  })
})
