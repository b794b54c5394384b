/**
 * Threads that take digests, where the runtime has `node:worker_threads` (Node, Bun, Deno).
 *
 * They see the bytes through shared memory, so nothing is copied. They are started when the first digest is asked
 * for, keep no process alive while they are idle, and are given work only once they have said that they are there.
 *
 * @module
 */
import { builtin } from "./node-builtins.ts"

export type DigestAlgorithm = "md5" | "sha256"

/** To a thread: more bytes of digest `id`. */
export interface DigestRequest {
  readonly id: number
  readonly algorithm: DigestAlgorithm
  readonly slices: ReadonlyArray<Uint8Array>
  readonly end: boolean
}

/** From a thread: the bytes were read; at the end, the digest. */
export interface DigestAnswer {
  readonly id: number
  readonly hex: string | undefined
}

/** A digest that is being taken on a thread. Its promises reject when the thread dies. */
export interface RemoteHash {
  /** Resolves when the bytes were read and may change. */
  readonly update: (slices: ReadonlyArray<Uint8Array>) => Promise<void>
  /** The digest in hex, after some last bytes. */
  readonly digest: (slices: ReadonlyArray<Uint8Array>) => Promise<string>
  /** Nobody wants the digest any more; nothing happens when it has been taken. */
  readonly drop: () => void
}

export interface DigestWorkers {
  /** A digest on the idlest thread; undefined while none is ready, and where there are none. */
  readonly open: (algorithm: DigestAlgorithm) => RemoteHash | undefined
  /** Threads that run or start. */
  readonly size: () => number
  /** Keeps the threads until the returned function is called; the last one to do so ends them. */
  readonly hold: () => () => Promise<void>
}

/** What a thread is to us: a `Worker`. */
export type DigestThread = Pick<
  import("node:worker_threads").Worker,
  "on" | "postMessage" | "ref" | "unref" | "terminate"
>

interface Thread {
  readonly worker: DigestThread
  ready: boolean
  readonly waiting: Map<number, { readonly resolve: (hex: string) => void; readonly reject: (cause: Error) => void }>
}

const isAnswer = (message: unknown): message is DigestAnswer =>
  typeof message === "object" && message !== null && "id" in message && typeof message.id === "number"

/** Up to `most` threads; `spawn` starts one, or answers undefined (or throws) where that cannot be. */
export const makeDigestWorkers = (most: number, spawn: () => DigestThread | undefined): DigestWorkers => {
  const threads = new Set<Thread>()
  let holders = 0
  let nextId = 0
  // A thread that died, or could not start, is not replaced: what killed it would kill the next one.
  let broken = false

  const end = (thread: Thread): void => {
    threads.delete(thread)
    for (const { reject } of thread.waiting.values()) reject(new Error("the digest worker ended"))
    thread.waiting.clear()
  }

  const start = (): void => {
    try {
      const worker = spawn()
      if (worker === undefined) {
        broken = true
        return
      }
      const thread: Thread = { worker, ready: false, waiting: new Map() }
      threads.add(thread)
      worker.on("message", (message: unknown) => {
        if (!isAnswer(message)) {
          thread.ready = true
          return
        }
        const waiting = thread.waiting.get(message.id)
        thread.waiting.delete(message.id)
        if (thread.waiting.size === 0) worker.unref()
        waiting?.resolve(message.hex ?? "")
      })
      const died = (): void => {
        if (!threads.has(thread)) return
        broken = true
        end(thread)
      }
      worker.on("error", died)
      worker.on("exit", died)
      worker.unref()
    } catch {
      broken = true
    }
  }

  /** The idlest thread that is ready; a further one is started when all have work. */
  const pick = (): Thread | undefined => {
    let idlest: Thread | undefined
    let starting = false
    for (const thread of threads) {
      if (!thread.ready) starting = true
      else if (idlest === undefined || thread.waiting.size < idlest.waiting.size) idlest = thread
    }
    const busy = idlest === undefined || idlest.waiting.size > 0
    if (busy && !starting && !broken && threads.size < most) start()
    return idlest
  }

  return {
    size: () => threads.size,
    open: (algorithm) => {
      const thread = pick()
      if (thread === undefined) return undefined
      const id = nextId++
      let ended = false
      const send = (slices: ReadonlyArray<Uint8Array>, end: boolean): Promise<string> =>
        new Promise((resolve, reject) => {
          if (!threads.has(thread)) return reject(new Error("the digest worker ended"))
          thread.waiting.set(id, { resolve, reject })
          // While it works for us, it keeps the process alive.
          thread.worker.ref()
          thread.worker.postMessage({ id, algorithm, slices, end } satisfies DigestRequest)
        })
      return {
        update: async (slices) => {
          await send(slices, false)
        },
        digest: (slices) => {
          ended = true
          return send(slices, true)
        },
        drop: () => {
          if (!ended) send([], true).catch(() => undefined)
        }
      }
    },
    hold: () => {
      holders++
      return async () => {
        if (--holders > 0) return
        const ended = [...threads]
        for (const thread of ended) end(thread)
        broken = false
        await Promise.all(ended.map(({ worker }) => worker.terminate()))
      }
    }
  }
}

/** A thread of this runtime. It inherits neither the environment nor the flags of the process. */
const spawnWorker = (): DigestThread | undefined => {
  const threads = builtin("node:worker_threads")
  if (threads === undefined || typeof SharedArrayBuffer !== "function") return undefined
  // The sources run as they are in tests, where this file is TypeScript.
  const extension = import.meta.url.slice(-3)
  return new threads.Worker(new URL(`./digest-worker${extension}`, import.meta.url), {
    env: {},
    execArgv: [],
    name: "sluice-digest"
  })
}

/** One core stays with the event loop; more than four threads outrun any network. */
const most = Math.min(4, Math.max(1, (globalThis.navigator?.hardwareConcurrency ?? 2) - 1))

/** The process's own threads. */
export const digestWorkers = makeDigestWorkers(most, spawnWorker)
