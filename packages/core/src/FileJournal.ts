/**
 * A journal in a directory: sessions outlive the process that made them, and a loss of power.
 *
 * What is in which file, and why that holds at every moment, is told in docs/journal.md.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { fileLeases, type HeldLease } from "./internal/file-leases.ts"
import { groupCommit } from "./internal/group-commit.ts"
import { journalFailed } from "./internal/journal-failed.ts"
import { numberedFile } from "./internal/numbered-file.ts"
import { seal, unseal } from "./internal/seal.ts"
import { warn } from "./internal/warn.ts"
import { isLockName, Journal, type JournalApi, type Lease } from "./Journal.ts"
import { type DurableFiles, durableFiles } from "./platform/durable-files.ts"
import { createHash } from "./platform/hash.ts"
import { decodeReceipts, decodeSession, encodeReceipt, encodeSession, type Session } from "./Session.ts"
import { invalidRequest, type UploadError, uploadError } from "./UploadError.ts"

const pageSize = 1_000
/** Heads that a scan reads at a time. */
const readers = 16
/** Directories that were being made or removed when their process died are gone after this time. */
const leftoverMs = 3_600_000

const sessionName = /^[0-9a-f]{40}$/
/** Being made or removed, since the time in the name. */
const leftoverName = /^\.(\d+)\./

const busy = (sessionId: string): UploadError => uploadError({ _tag: "SessionBusy" }, { sessionId })
const notFound = (sessionId: string): UploadError => uploadError({ _tag: "SessionNotFound" }, { sessionId })

/** One file operation or a few that belong together. An interruption waits for them: none goes on behind our back. */
const io = <A>(path: string, run: () => Promise<A>): Effect.Effect<A, UploadError> =>
  Effect.uninterruptible(Effect.tryPromise({ try: run, catch: (cause) => journalFailed(path, cause) }))

/** The journal over any files that keep the promises of `DurableFiles`. */
export const makeOver = (files: DurableFiles, root: string): JournalApi => {
  const heads = numberedFile(files, "head")
  const leases = fileLeases(files)
  const append = groupCommit(files.append)

  /** Ids are capabilities: a hash of it names the directory, which errors may name too. */
  const nameOf = (sessionId: string): string => {
    const hash = createHash("sha256")
    hash?.update(new TextEncoder().encode(sessionId))
    return hash?.digest("hex").slice(0, 40) ?? ""
  }
  const directoryOf = (sessionId: string): string => `${root}/${nameOf(sessionId)}`
  const receiptsOf = (sessionId: string): string => `${directoryOf(sessionId)}/receipts`

  /** Not yet or no longer a session. */
  const aside = Effect.map(Clock.currentTimeMillis, (now) => `${root}/.${now}.${globalThis.crypto.randomUUID()}`)

  const readHead = Effect.fnUntraced(function* (directory: string): Effect.fn.Return<Session | undefined, UploadError> {
    const head = yield* io(directory, () => heads.read(directory))
    if (head === undefined) return undefined
    if (head.text !== undefined) return yield* decodeSession(head.text)
    return yield* uploadError(
      {
        _tag: "JournalFailed",
        message: `the record ${head.number} in "${directory}" is damaged; start the upload again`
      },
      { retry: "permanent" }
    )
  })

  const existing = <A>(
    sessionId: string,
    run: (directory: string) => Promise<A | "gone">
  ): Effect.Effect<A, UploadError> => {
    const directory = directoryOf(sessionId)
    return Effect.flatMap(
      io(directory, () => run(directory)),
      (answer) => (answer === "gone" ? Effect.fail(notFound(sessionId)) : Effect.succeed(answer))
    )
  }

  const scan = Effect.fnUntraced(function* (
    wanted: (session: Session) => boolean
  ): Effect.fn.Return<ReadonlyArray<Session>, UploadError> {
    const names = (yield* io(root, () => files.list(root))) ?? []
    const tooOld = (yield* Clock.currentTimeMillis) - leftoverMs
    for (const name of names) {
      const since = leftoverName.exec(name)?.[1]
      if (since !== undefined && Number(since) < tooOld) yield* io(root, () => files.remove(`${root}/${name}`))
    }
    const sessions = yield* Effect.forEach(
      names.filter((name) => sessionName.test(name)),
      (name) =>
        readHead(`${root}/${name}`).pipe(
          // One damaged record must not hide the others.
          Effect.catchIf(
            ({ retry }) => retry === "permanent",
            (error) => Effect.as(warn(`a session is passed over: ${error.message}`), undefined)
          )
        ),
      { concurrency: readers }
    )
    return sessions.filter((session) => session !== undefined).filter(wanted)
  })

  const leaseOf = (sessionId: string, held: HeldLease, ttlMs: number): Lease => ({
    sessionId,
    fence: held.fence,
    expiresAt: held.expiresAt,
    renew: Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.flatMap(
        io(held.directory, () => leases.renew(held, now, ttlMs)),
        (renewed) => (renewed ? Effect.succeed(leaseOf(sessionId, held, ttlMs)) : Effect.fail(busy(sessionId)))
      )
    ),
    // One that could not be released runs out.
    release: Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.ignore(io(held.directory, () => leases.release(held, now)))
    ),
    stopRequested: io(held.directory, () => leases.stopRequested(held))
  })

  return {
    durable: true,
    create: Effect.fnUntraced(function* (session) {
      const { sessionId } = session
      if (isLockName(sessionId)) return yield* invalidRequest(`"${sessionId}" is the name of a lock, not of a session`)
      const text = yield* encodeSession(session)
      const directory = directoryOf(sessionId)
      const draft = yield* aside
      const claim = yield* io(directory, async () => {
        try {
          await files.makeDirectory(draft)
          await files.create(`${draft}/receipts`, "")
          await heads.replace(draft, 0, session.version, text)
          const claim = await files.rename(draft, directory)
          await files.syncDirectory(root)
          return claim
        } finally {
          await files.remove(draft)
        }
      })
      if (claim !== "ours") return yield* busy(sessionId)
    }),
    get: (sessionId) =>
      Effect.flatMap(readHead(directoryOf(sessionId)), (session) =>
        session === undefined ? Effect.fail(notFound(sessionId)) : Effect.succeed(session)
      ),
    update: Effect.fnUntraced(function* (session) {
      const { sessionId, version } = session
      const next = { ...session, version: version + 1, updatedAt: yield* Clock.currentTimeMillis }
      const text = yield* encodeSession(next)
      const replaced = yield* existing(sessionId, (directory) => heads.replace(directory, version, next.version, text))
      return replaced === "done" ? next : yield* busy(sessionId)
    }),
    putReceipt: (sessionId, receipt) =>
      existing(sessionId, async () => {
        // Line breaks on both sides: a line that was torn by a crash spoils no other.
        const line = `\n${seal(`${receipt.partNumber} ${encodeReceipt(receipt)}`)}\n`
        return (await append(receiptsOf(sessionId), line)) ? undefined : "gone"
      }),
    receipts: Effect.fnUntraced(function* (sessionId, { after = 0, limit = pageSize } = {}) {
      const text = yield* existing(sessionId, async () => (await files.read(receiptsOf(sessionId))) ?? "gone")
      const newest = new Map<number, string>()
      for (const line of text.split("\n")) {
        // One that does not check was never acknowledged.
        const record = unseal(line)
        if (record === undefined) continue
        const partNumber = Number.parseInt(record, 10)
        if (partNumber > after) newest.set(partNumber, record.slice(record.indexOf(" ") + 1))
      }
      const page = [...newest].sort(([a], [b]) => a - b).slice(0, limit)
      return yield* decodeReceipts(page.map(([, json]) => json))
    }),
    acquire: Effect.fnUntraced(function* (sessionId, ttlMs) {
      const now = yield* Clock.currentTimeMillis
      const held = yield* existing(sessionId, async (directory) => {
        if (isLockName(sessionId)) await files.makeDirectory(directory)
        else if ((await heads.read(directory)) === undefined) return "gone"
        return leases.acquire(directory, now, ttlMs)
      })
      return held === "busy" ? yield* busy(sessionId) : leaseOf(sessionId, held, ttlMs)
    }),
    requestStop: (sessionId) =>
      existing(sessionId, async (directory) =>
        (await files.list(directory)) === undefined ? "gone" : leases.requestStop(directory)
      ),
    listExpired: Effect.fnUntraced(function* (before) {
      const old = yield* scan(({ updatedAt }) => updatedAt < before)
      const notHeld = ({ sessionId }: Session) => {
        const directory = directoryOf(sessionId)
        return Effect.map(
          io(directory, () => leases.heldUntil(directory)),
          (until) => until < before
        )
      }
      return yield* Effect.filter(old, notHeld, { concurrency: readers })
    }),
    listByKey: (bucket, key) => scan((session) => session.bucket === bucket && session.key === key),
    listUndelivered: () => scan(({ undelivered }) => undelivered.length > 0),
    delete: Effect.fnUntraced(function* (sessionId) {
      const removed = yield* aside
      yield* io(root, async () => {
        // At once for everybody, then file by file.
        if ((await files.rename(directoryOf(sessionId), removed)) === "gone") return
        await files.syncDirectory(root)
        await files.remove(removed)
      })
    })
  }
}

/**
 * A journal in `directory`, which is made where there is none. Its files are for this user alone.
 *
 * Fails with `InvalidRequest` where the runtime has no files, and with `JournalFailed` where the directory cannot
 * be used.
 *
 * ```ts
 * import * as Layer from "effect/Layer"
 * import * as FileJournal from "@sluice/core/FileJournal"
 * import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
 * import { Uploader } from "@sluice/core/Uploader"
 *
 * const Live = Uploader.layer().pipe(
 *   Layer.provide([S3ObjectStore.layer({ bucket: "media" }), FileJournal.layer("/var/lib/sluice/journal")])
 * )
 * ```
 */
export const make = Effect.fnUntraced(function* (directory: string): Effect.fn.Return<JournalApi, UploadError> {
  const files = durableFiles()
  if (files === undefined) {
    return yield* invalidRequest("this runtime has no files; give the uploader another journal (Journal.layerMemory)")
  }
  const root = files.absolute(directory)
  yield* io(root, async () => {
    await files.makeDirectory(root)
    await files.syncDirectory(`${root}/..`)
  })
  return makeOver(files, root)
})

/** See `make`. */
export const layer = (directory: string): Layer.Layer<Journal, UploadError> => Layer.effect(Journal, make(directory))
