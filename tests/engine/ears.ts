/**
 * What an upload says and writes beside the object: the console, the journal, errors, events; and no secret in it.
 */
import { setImmediate } from "node:timers/promises"
import { inspect } from "node:util"
import * as Journal from "@sluice/core/Journal"
import { secretsScanner } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { secretsOf, type Target } from "./stores.ts"

const said: Array<string> = []
// Once a worker: what is printed is still printed.
for (const method of ["log", "info", "warn", "error", "debug"] as const) {
  const print = console[method].bind(console)
  console[method] = (...words: ReadonlyArray<unknown>) => {
    said.push(words.map((word) => (typeof word === "string" ? word : inspect(word, { depth: 12 }))).join(" "))
    print(...words)
  }
}

export interface Ears {
  /** A journal in memory of which everything that it was given is heard. */
  readonly journal: Layer.Layer<Journal.Journal>
  /** Throws when a key, a token, what was signed with them, or the content's first bytes were told, here or since. */
  readonly assertNoSecret: (target: Target, content: unknown, ...told: ReadonlyArray<unknown>) => void
}

export const listen = (): Ears => {
  said.length = 0
  const written: Array<unknown> = []
  const journal = Layer.effect(
    Journal.Journal,
    Effect.map(Journal.makeMemory, (memory) =>
      Journal.Journal.of({
        ...memory,
        create: (session) => {
          written.push(session)
          return memory.create(session)
        },
        update: (session) => {
          written.push(session)
          return memory.update(session)
        },
        putReceipt: (sessionId, receipt) => {
          written.push(receipt)
          return memory.putReceipt(sessionId, receipt)
        }
      })
    )
  )
  return {
    journal,
    assertNoSecret: (target, content, ...told) => {
      const scanner = secretsScanner({ ...secretsOf(target), content: beginningOf(content) })
      scanner.assertNone(said.join("\n"), "the console")
      scanner.assertNone(written, "the journal")
      told.forEach((one, i) => {
        scanner.assertNone(one, ["the error", "the events", "the result"][i])
      })
    }
  }
}

/** Bytes that are all alike stand everywhere. */
const beginningOf = (content: unknown): Uint8Array | undefined =>
  content instanceof Uint8Array && content.length >= 16 && new Set(content.subarray(0, 16)).size > 8
    ? content
    : undefined

/** Timers of this process that would keep it alive. */
export const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length

/** Waits until no more timers run than before; answers with how many there are then. */
export const timersDownTo = async (before: number): Promise<number> => {
  for (let turns = 0; timers() > before && turns < 1_000; turns++) await setImmediate()
  return timers()
}
