import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { Worker } from "node:worker_threads"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Digest from "./Digest.ts"
import { DigestThreads, holdDigestThreads } from "./internal/digest-threads.ts"
import { isShared, makeSlabPool, SlabPool } from "./internal/slab-pool.ts"
import { MiB } from "./Limits.ts"
import { type DigestThread, makeDigestWorkers } from "./platform/digest-workers.ts"
import * as Source from "./Source.ts"

const hex = (algorithm: "md5" | "sha256", bytes: Uint8Array): string =>
  createHash(algorithm).update(bytes).digest("hex")

const shared = (bytes: Uint8Array): Uint8Array => {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length))
  copy.set(bytes)
  return copy
}

/** Real workers, of which a test knows when they are ready and how often they were asked. */
const startWorkers = (most = 1, source?: string) => {
  const spawned: Array<Worker> = []
  const ready: Array<Promise<unknown>> = []
  let posted = 0
  const workers = makeDigestWorkers(most, () => {
    const worker =
      source === undefined
        ? new Worker(new URL("./platform/digest-worker.ts", import.meta.url))
        : new Worker(source, { eval: true })
    ready.push(new Promise((resolve) => worker.once("message", resolve)))
    spawned.push(worker)
    const thread: DigestThread = worker
    const post = worker.postMessage.bind(worker)
    worker.postMessage = (message) => {
      posted++
      post(message)
    }
    return thread
  })
  return { workers, spawned, posted: () => posted, ready: () => Promise.all(ready) }
}

/** Says that it is there, and dies of the first work. */
const mortal = `const { parentPort } = require("node:worker_threads")
parentPort.on("message", () => process.exit(1))
parentPort.postMessage("ready")`

const using =
  (workers: ReturnType<typeof startWorkers>["workers"], pool = makeSlabPool(64 * MiB)) =>
  <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.scoped(Effect.andThen(holdDigestThreads, effect)).pipe(
      Effect.provideService(DigestThreads, workers),
      Effect.provideService(SlabPool, pool)
    )

// RFC 1321, appendix A.5; FIPS 180-2, appendix B.
const vectors = [
  ["", "d41d8cd98f00b204e9800998ecf8427e", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["abc", "900150983cd24fb0d6963f7d28e17f72", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"]
] as const

describe("a digest", () => {
  it.effect("is that of the RFC's and the standard's examples", () =>
    Effect.gen(function* () {
      for (const [text, md5, sha256] of vectors) {
        const bytes = new TextEncoder().encode(text)
        assert.strictEqual(yield* Digest.md5([bytes]), md5)
        assert.strictEqual(yield* Digest.sha256([bytes]), sha256)
      }
    })
  )

  it("is the same on a worker and in-line, however the bytes are sliced", async () => {
    const { workers, ready, posted } = startWorkers(2)
    const inLine = makeDigestWorkers(0, () => undefined)
    workers.open("md5")
    await ready()
    const release = workers.hold()
    const large = new Uint8Array(MiB / 4).fill(9)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 5_000 }), { maxLength: 6 }), async (some) => {
        const before = posted()
        const slices = [...some, large]
        const whole = Buffer.concat(slices)
        const remote = await Effect.runPromise(
          Digest.md5(slices.map(shared)).pipe(Effect.provideService(DigestThreads, workers))
        )
        assert.strictEqual(remote, hex("md5", whole))
        assert.strictEqual(posted(), before + 1)
        const local = await Effect.runPromise(Digest.sha256(slices).pipe(Effect.provideService(DigestThreads, inLine)))
        assert.strictEqual(local, hex("sha256", whole))
      }),
      { numRuns: 50 }
    )
    await release()
  })

  it("is taken in-line where the bytes are not shared, and slabs are shared from the first ready worker on", async () => {
    const { workers, ready, posted } = startWorkers()
    const pool = makeSlabPool(MiB)
    const share = pool.join()
    const slab = () => {
      const ticket = share.open(1)
      const taken = ticket.take(1, new AbortController().signal)
      ticket.close()
      return taken instanceof Promise ? assert.fail("no slab is free") : (taken[0] ?? assert.fail("no slab"))
    }
    const md5 = (bytes: Uint8Array) =>
      Effect.runPromise(
        Digest.md5([bytes]).pipe(Effect.provideService(DigestThreads, workers), Effect.provideService(SlabPool, pool))
      )
    const release = workers.hold()
    const plain = slab()
    await md5(plain)
    await ready()
    assert.isFalse(isShared(plain))
    assert.strictEqual(await md5(plain), hex("md5", plain))
    assert.strictEqual(posted(), 0)
    share.release([plain])
    assert.isTrue(isShared(slab()))
    await release()
  })

  it("survives the death of its worker, and no other is started", async () => {
    const { workers, ready, spawned } = startWorkers(2, mortal)
    workers.open("md5")
    await ready()
    const release = workers.hold()
    const bytes = shared(new Uint8Array(MiB).fill(3))
    const md5 = () => Effect.runPromise(Digest.md5([bytes]).pipe(Effect.provideService(DigestThreads, workers)))
    assert.strictEqual(await md5(), hex("md5", bytes))
    assert.strictEqual(workers.size(), 0)
    assert.strictEqual(await md5(), hex("md5", bytes))
    assert.strictEqual(spawned.length, 1)
    await release()
  })

  it("is taken in-line where a worker cannot be started", async () => {
    let asked = 0
    const workers = makeDigestWorkers(4, () => {
      asked++
      throw new Error("--permission without --allow-worker")
    })
    const bytes = shared(new Uint8Array(MiB))
    for (let i = 0; i < 3; i++) {
      assert.strictEqual(
        await Effect.runPromise(Digest.md5([bytes]).pipe(Effect.provideService(DigestThreads, workers))),
        hex("md5", bytes)
      )
    }
    assert.strictEqual(asked, 1)
  })

  it("of few bytes starts no worker", async () => {
    let asked = 0
    const workers = makeDigestWorkers(1, () => {
      asked++
      return undefined
    })
    const bytes = shared(new Uint8Array(1_000))
    const md5 = Digest.md5([bytes]).pipe(Effect.provideService(DigestThreads, workers))
    assert.strictEqual(await Effect.runPromise(md5), hex("md5", bytes))
    assert.strictEqual(asked, 0)
  })

  it("keeps no process alive, though nobody ends its workers", async () => {
    const program = `
      import * as Effect from "effect/Effect"
      import { md5 } from "${new URL("./Digest.ts", import.meta.url).href}"
      import { digestWorkers } from "${new URL("./platform/digest-workers.ts", import.meta.url).href}"
      const bytes = new Uint8Array(new SharedArrayBuffer(2 ** 20))
      await Effect.runPromise(md5([bytes]))
      while (digestWorkers.open("md5") === undefined) await new Promise((resolve) => setTimeout(resolve, 1))
      console.log(await Effect.runPromise(md5([bytes])))`
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { cwd: import.meta.dirname })
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")])
    assert.strictEqual(code, 0)
    assert.strictEqual(output.trim(), hex("md5", new Uint8Array(MiB)))
  })

  it("leaves no worker behind when the last who held them lets go", async () => {
    const { workers, ready, spawned } = startWorkers()
    const [one, other] = [workers.hold(), workers.hold()]
    workers.open("md5")
    await ready()
    const exited = new Promise((resolve) => spawned[0]?.once("exit", resolve))
    await one()
    assert.strictEqual(workers.size(), 1)
    await other()
    await exited
    assert.strictEqual(workers.size(), 0)
  })
})

describe("the SHA-256 of a whole source", () => {
  const bytes = new Uint8Array(9 * MiB + 17).map((_, i) => i * 31 + (i >> 9))
  const expected = hex("sha256", bytes)
  const chunks = async function* () {
    for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000)
  }

  it("is that of its bytes: on a worker, in-line, and when the worker dies of it", async () => {
    const directory = mkdtempSync(join(tmpdir(), "sluice-digest-"))
    const path = join(directory, "f.bin")
    writeFileSync(path, bytes)
    try {
      for (const script of [undefined, mortal]) {
        const { workers, ready } = startWorkers(1, script)
        workers.open("sha256")
        await ready()
        const run = using(workers)
        assert.strictEqual(await Effect.runPromise(run(Digest.sha256Of(Source.file(path)))), expected)
      }
      const inLine = using(makeDigestWorkers(0, () => undefined))
      assert.strictEqual(await Effect.runPromise(inLine(Digest.sha256Of(Source.file(path)))), expected)
      assert.strictEqual(await Effect.runPromise(inLine(Digest.sha256Of(Source.fromAsyncIterable(chunks())))), expected)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  /** Of which a chunk was pulled before it was handed out. */
  const begun = (source: Source.Source): Source.Source => ({
    ...source,
    open: (offset) =>
      Effect.flatMap(
        source.open(offset),
        (reader): Effect.Effect<Source.SourceReader> =>
          reader._tag === "Positional"
            ? Effect.succeed(reader)
            : Effect.map(Effect.promise(reader.next), ({ value = new Uint8Array(0) }) => ({ ...reader, rest: value }))
      )
  })

  it("is checked at the source's end, whatever kind of source it is and whatever becomes of the worker", async () => {
    const drained = (source: Source.Source) => Effect.map(Digest.sha256Of(source), () => undefined)
    for (const script of [undefined, mortal]) {
      for (const make of [
        () => Source.fromBytes(bytes),
        () => Source.fromAsyncIterable(chunks()),
        () => begun(Source.fromAsyncIterable(chunks()))
      ]) {
        const { workers, ready } = startWorkers(1, script)
        workers.open("sha256")
        await ready()
        const outcome = await Effect.runPromise(
          using(workers)(
            Effect.gen(function* () {
              yield* drained(Digest.expecting(make(), expected.toUpperCase()))
              return yield* Effect.flip(drained(Digest.expecting(make(), "0".repeat(64))))
            })
          )
        )
        assert.strictEqual(outcome.reason._tag, "ChecksumMismatch")
      }
    }
  })
})
