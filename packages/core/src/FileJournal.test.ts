import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "@effect/vitest"
import { exampleSession } from "@sluice/testkit/conformance/journal"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { make, makeOver } from "./FileJournal.ts"
import type { PartReceipt } from "./Part.ts"
import { type DurableFiles, durableFiles } from "./platform/durable-files.ts"

const session = exampleSession({ state: "uploading", uploadId: "upload" })

const receipt = (partNumber: number): PartReceipt => ({
  partNumber,
  source: { offset: 0, size: 1, crc32: 0 },
  stored: { size: 1, crc32: 0, etag: "e", confirmed: true }
})

const temporary = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "sluice-journal-"))),
  (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
)

const pathsBelow = (directory: string) => Effect.promise(() => readdir(directory, { recursive: true }))

/** The path of the only file below `directory` whose name begins so. */
const fileOf = (directory: string, name: string) =>
  Effect.map(pathsBelow(directory), (paths) =>
    join(directory, paths.find((path) => path.includes(`/${name}`)) ?? "not there")
  )

const runtimeFiles = (): DurableFiles => durableFiles() ?? expect.fail("Node has files")

describe("the journal in a directory", () => {
  it.effect("is for this user alone, and no name in it tells a session's id", () =>
    Effect.gen(function* () {
      const directory = join(yield* temporary, "made", "here")
      const journal = yield* make(directory)
      yield* journal.create({ ...session, sessionId: "../capability" })
      yield* journal.acquire("../capability", 1_000)
      yield* journal.requestStop("../capability")
      const paths = yield* pathsBelow(directory)
      expect(paths.join("\n")).not.toContain("capability")
      for (const path of ["", ...paths]) {
        const found = yield* Effect.promise(() => stat(join(directory, path)))
        expect(found.mode & 0o777, path).toBe(found.isDirectory() ? 0o700 : 0o600)
      }
    })
  )

  it.effect("says that a record is damaged, and where, and goes on with the others", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const journal = yield* make(directory)
      yield* journal.create(session)
      const head = yield* fileOf(directory, "head")
      const text = yield* Effect.promise(() => readFile(head, "utf8"))
      yield* Effect.promise(() => writeFile(head, text.replace("upload", "uplaod")))
      const error = yield* Effect.flip(journal.get("s"))
      expect(error).toMatchObject({ reason: { _tag: "JournalFailed" }, retry: "permanent" })
      expect(error.message).toContain(directory)
      expect(JSON.stringify(error)).not.toContain("not to be told")
      yield* journal.create({ ...session, sessionId: "t" })
      expect((yield* journal.listExpired(1)).map(({ sessionId }) => sessionId)).toEqual(["t"])
    })
  )

  it.effect("removes what a crash has left of a session being made, after an hour", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const journal = yield* make(directory)
      yield* Effect.promise(() => mkdir(join(directory, ".0.draft")))
      yield* TestClock.adjust("1 hour")
      expect(yield* journal.listExpired(1)).toEqual([])
      expect(yield* pathsBelow(directory)).toEqual([".0.draft"])
      yield* TestClock.adjust(1)
      expect(yield* journal.listExpired(1)).toEqual([])
      expect(yield* pathsBelow(directory)).toEqual([])
    })
  )

  it.effect("leaves no draft and nothing of a deleted session", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const journal = yield* make(directory)
      yield* journal.create(session)
      yield* journal.putReceipt("s", receipt(1))
      let version = 1
      for (; version <= 3; version++) yield* journal.update({ ...session, version })
      const lease = yield* journal.acquire("s", 1_000)
      yield* lease.renew
      const names = (yield* pathsBelow(directory))
        .map((path) => path.split("/")[1])
        .filter((name) => name !== undefined)
      expect(names.sort()).toEqual([`head.${version}`, `lease.${lease.fence + 1}`, "receipts"])
      yield* journal.delete("s")
      expect(yield* pathsBelow(directory)).toEqual([])
    })
  )

  it.effect("syncs as often as docs/journal.md says", () =>
    Effect.gen(function* () {
      const files = runtimeFiles()
      let syncs = 0
      const counting =
        <A extends ReadonlyArray<unknown>, B>(run: (...input: A) => Promise<B>) =>
        (...input: A): Promise<B> => {
          syncs++
          return run(...input)
        }
      const counted: DurableFiles = {
        ...files,
        create: counting(files.create),
        append: counting(files.append),
        syncDirectory: counting(files.syncDirectory)
      }
      const journal = makeOver(counted, yield* temporary)
      const cost = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.suspend(() => {
          syncs = 0
          return Effect.map(effect, (answer) => ({ answer, syncs }))
        })
      expect((yield* cost(journal.create(session))).syncs).toBe(4)
      expect((yield* cost(journal.update(session))).syncs).toBe(2)
      expect((yield* cost(journal.putReceipt("s", receipt(1)))).syncs).toBe(1)
      const acquired = yield* cost(journal.acquire("s", 1_000))
      expect(acquired.syncs).toBe(2)
      expect((yield* cost(acquired.answer.renew)).syncs).toBe(2)
      expect((yield* cost(acquired.answer.release)).syncs).toBe(2)
      expect((yield* cost(journal.delete("s"))).syncs).toBe(1)
    })
  )

  it.effect("syncs once for all receipts that wait", () =>
    Effect.gen(function* () {
      const files = runtimeFiles()
      const [writing, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      let writes = 0
      const slow: DurableFiles = {
        ...files,
        append: async (path, text) => {
          writes++
          Deferred.doneUnsafe(writing, Effect.void)
          await Effect.runPromise(Deferred.await(go))
          return files.append(path, text)
        }
      }
      const journal = makeOver(slow, yield* temporary)
      yield* journal.create(session)
      const put = (n: number) => Effect.forkChild(journal.putReceipt("s", receipt(n)), { startImmediately: true })
      const fibers = [yield* put(1)]
      yield* Deferred.await(writing)
      for (let n = 2; n <= 100; n++) fibers.push(yield* put(n))
      yield* Deferred.succeed(go, undefined)
      yield* Effect.forEach(fibers, Fiber.join)
      expect(writes).toBe(2)
      expect((yield* journal.receipts("s")).length).toBe(100)
    })
  )

  it.effect(
    "tells every part whose receipt could not be written, names the path, and takes it at the next try [row 64]",
    () =>
      Effect.gen(function* () {
        const files = runtimeFiles()
        let full = true
        const filling: DurableFiles = {
          ...files,
          append: async (path, text) => {
            if (!full) return files.append(path, text)
            await files.append(path, text.slice(0, 20))
            throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })
          }
        }
        const directory = yield* temporary
        const journal = makeOver(filling, directory)
        yield* journal.create(session)
        const put = Effect.forEach([1, 2, 3], (n) => Effect.result(journal.putReceipt("s", receipt(n))), {
          concurrency: "unbounded"
        })
        for (const outcome of yield* put) {
          expect(outcome).toMatchObject({ failure: { reason: { _tag: "JournalFailed" }, retry: "temporary" } })
          expect(outcome._tag === "Failure" && outcome.failure.message).toMatch(new RegExp(`${directory}.*no space`))
        }
        full = false
        yield* put
        expect(yield* journal.receipts("s")).toEqual([receipt(1), receipt(2), receipt(3)])
      })
  )

  it.effect("says why a directory cannot be used", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const file = join(directory, "file")
      yield* Effect.promise(() => writeFile(file, ""))
      for (const path of [file, join(file, "below")]) {
        const error = yield* Effect.flip(make(path))
        expect(error).toMatchObject({ reason: { _tag: "JournalFailed" }, retry: "permanent" })
        expect(error.message).toContain(`"${path}" cannot be used`)
        expect(error.message).toContain("choose another directory")
      }
      const noLinks: DurableFiles = {
        ...runtimeFiles(),
        link: () => Promise.reject(Object.assign(new Error("EPERM"), { code: "EPERM", syscall: "link" }))
      }
      const refused = yield* Effect.flip(makeOver(noLinks, directory).create(session))
      expect(refused.message).toContain("has no hard links (EPERM)")
      expect(yield* pathsBelow(directory)).toEqual(["file"])
    })
  )

  it.effect("needs a runtime with files", () =>
    Effect.gen(function* () {
      const { getBuiltinModule } = process
      const error = yield* Effect.acquireUseRelease(
        Effect.sync(() => Object.assign(process, { getBuiltinModule: () => undefined })),
        () => Effect.flip(make("anywhere")),
        () => Effect.sync(() => Object.assign(process, { getBuiltinModule }))
      )
      expect(error.reason._tag).toBe("InvalidRequest")
      expect(error.message).toContain("no files")
    })
  )
})

const script = fileURLToPath(new URL("../test/journal-process.ts", import.meta.url))

/** Starts a process that holds session "s"; answers with what it tells, line by line. */
const working = (directory: string, first: number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [script, directory, String(first)], { stdio: ["ignore", "pipe", "inherit"] })
      ),
      kill
    ),
    (child) => {
      const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
      return { child, next: Effect.promise(async () => String((await lines.next()).value)) }
    }
  )

/** SIGKILL, and the end of it. */
const kill = (child: ChildProcess) =>
  Effect.promise(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, "exit")
    child.kill("SIGKILL")
    await ended
  })

describe.skipIf(process.platform !== "linux")("a process that is killed", () => {
  it.live("loses no acknowledged receipt, and the next one has its lease at once", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const journal = yield* make(directory)
      yield* journal.create(session)
      let stored = 0
      let fence = 0
      for (const lines of [3, 17, 40]) {
        const { child, next } = yield* working(directory, stored + 1)
        const newFence = Number((yield* next).replace("fence ", ""))
        expect(newFence).toBeGreaterThan(fence)
        for (let line = 0; line < lines; line++) expect(yield* next).toBe(`stored ${++stored}`)
        // While it lives, the session is its own.
        expect((yield* Effect.flip(journal.acquire("s", 1_000))).reason._tag).toBe("SessionBusy")
        yield* kill(child)
        const lease = yield* journal.acquire("s", 3_600_000)
        expect(lease.fence).toBeGreaterThan(newFence)
        fence = lease.fence
        yield* lease.release
        const receipts = yield* journal.receipts("s", { limit: 10_000 })
        // It may have stored more than it could tell.
        expect(receipts.length).toBeGreaterThanOrEqual(stored)
        expect(receipts).toEqual(receipts.map((_, n) => receipt(n + 1)))
        stored = receipts.length
      }
    })
  )
})
