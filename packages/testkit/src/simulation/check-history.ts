import { initial, next } from "@sluice/core/Progress"
import { isTerminal, type UploadEvent } from "@sluice/core/UploadEvent"
import { eventsOf, type History, type HistoryEvent } from "./History.ts"

/** A promise that a history breaks. */
export interface Violation {
  readonly rule: RuleName
  readonly message: string
}

type Rule = (history: History) => Iterable<string>
type Of<Tag extends HistoryEvent["_tag"]> = ReturnType<typeof eventsOf<Tag>>[number]

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i])

/** The session that each run works on. */
const sessionsOf = (history: History): ReadonlyMap<string, string> => {
  const sessions = new Map<string, string>()
  for (const { actor, sessionId } of eventsOf(history, "Began")) {
    if (sessionId !== undefined) sessions.set(actor, sessionId)
  }
  for (const { actor, sessionId } of eventsOf(history, "Journalled")) sessions.set(actor, sessionId)
  return sessions
}

/** The session of each write token. */
const sessionsByToken = (history: History): ReadonlyMap<string, string> =>
  new Map(
    eventsOf(history, "Journalled").flatMap(({ sessionId, writeToken }) =>
      writeToken === undefined ? [] : [[writeToken, sessionId] as const]
    )
  )

/** Objects that a session has written, and what they had to be. */
const writesOf = (history: History) => {
  const sessions = sessionsOf(history)
  const byToken = sessionsByToken(history)
  const contents = new Map<string, Uint8Array>()
  for (const { actor, content } of eventsOf(history, "Began")) {
    const session = sessions.get(actor)
    if (session !== undefined && content !== undefined) contents.set(session, content)
  }
  return eventsOf(history, "Written").flatMap((written) => {
    const session = written.writeToken === undefined ? undefined : byToken.get(written.writeToken)
    return session === undefined ? [] : [{ ...written, session, wanted: contents.get(session) }]
  })
}

/** Runs of uploads that ended, with their beginning. */
const runsOf = (history: History): ReadonlyArray<{ readonly began: Of<"Began">; readonly ended: Of<"Ended"> }> => {
  const began = new Map(eventsOf(history, "Began").map((event) => [event.actor, event]))
  return eventsOf(history, "Ended").flatMap((ended) => {
    const beginning = began.get(ended.actor)
    const isRun = beginning?.kind === "upload" || beginning?.kind === "resume"
    return beginning !== undefined && isRun ? [{ began: beginning, ended }] : []
  })
}

/** What each call came to. */
const callsOf = (history: History) => {
  const applied = new Map(eventsOf(history, "Applied").map((event) => [event.call, event]))
  const heard = new Map(eventsOf(history, "Heard").map((event) => [event.call, event]))
  const left = new Map(eventsOf(history, "Left").map((event) => [event.call, event]))
  return eventsOf(history, "Sent").map((sent) => ({
    ...sent,
    applied: applied.get(sent.call),
    heard: heard.get(sent.call),
    left: left.get(sent.call)
  }))
}

const toldOf = (history: History): ReadonlyMap<string, ReadonlyArray<UploadEvent>> => {
  const told = new Map<string, Array<UploadEvent>>()
  for (const { actor, event } of eventsOf(history, "Told")) {
    const events = told.get(actor) ?? []
    events.push(event)
    told.set(actor, events)
  }
  return told
}

const groupBy = <A>(all: ReadonlyArray<A>, name: (one: A) => string): ReadonlyMap<string, ReadonlyArray<A>> => {
  const groups = new Map<string, Array<A>>()
  for (const one of all) {
    const group = groups.get(name(one)) ?? []
    group.push(one)
    groups.set(name(one), group)
  }
  return groups
}

const terminalOf = { Succeeded: "UploadCompleted", Failed: "UploadFailed" } as const

/** Reasons of the store's that pass, and that only many of them, or a long time, may turn into a failure. */
const passing: ReadonlySet<string> = new Set(["Unavailable", "Stalled", "InvalidResponse", "Throttled"])

/** What is sent for a session, which only the holder of its lease may do. */
const sends: ReadonlySet<string> = new Set(["UploadPart", "CompleteMultipartUpload", "PutObject"])

/** The engine looks for what a lost Create left for a second. Who hears later was frozen: its lease is over, it may name nothing. */
const lookMs = 1_000

/**
 * What Creates have left of which nobody heard, where looking for it or naming it failed as well. Nothing proves whose
 * such an upload is, and it is empty: a lifecycle rule ends it (docs/decisions/0032).
 */
const unfindable = (history: History): ReadonlySet<string> => {
  const calls = callsOf(history)
  const sessions = sessionsOf(history)
  const lost = eventsOf(history, "NotJournalled")
  const died = new Set(eventsOf(history, "Ended").flatMap(({ actor, end }) => (end._tag === "Died" ? [actor] : [])))
  const found = new Set<string>()
  for (const { applied, at: since, actor, heard, key } of calls) {
    const uploadId = applied?.uploadId
    if (uploadId === undefined || (heard !== undefined && heard.error === undefined && !died.has(actor))) continue
    const looks = calls.filter(
      (call) => call.operation === "ListMultipartUploads" && call.key === key && call.at >= since
    )
    const notSeen = looks.some(
      ({ at, heard }) => heard === undefined || heard.error !== undefined || heard.at - at > lookMs
    )
    const notNamed = lost.some((one) => sessions.get(one.actor) === sessions.get(actor) && one.at >= since)
    if (notSeen || notNamed) found.add(uploadId)
  }
  return found
}

/** Every promise, as what breaks it in a history. */
export const rules = {
  /** What is reported as stored stands in the store at that time, byte for byte, under that session's token. */
  *"success is identical"(history) {
    const sessions = sessionsOf(history)
    const writes = writesOf(history)
    for (const { began, ended } of runsOf(history)) {
      const { end } = ended
      if (end._tag !== "Succeeded" || began.content === undefined) continue
      const { content } = began
      const own = writes.filter(({ at, session }) => session === sessions.get(began.actor) && at <= ended.at)
      const same = own.some(
        (write) => equal(write.content, content) && write.etag === end.object.etag && write.size === end.object.size
      )
      if (!same) yield `${began.actor} is reported stored, and no such object was written`
    }
  },

  /** No object under a token of ours ever has other bytes than its source. */
  *"objects are whole"(history) {
    for (const { content, key, session, wanted } of writesOf(history)) {
      if (wanted !== undefined && !equal(content, wanted)) yield `an object at ${key} of ${session} is not its source`
    }
  },

  /** A run has one end; its events say the same, once and last. */
  *"one outcome"(history) {
    const told = toldOf(history)
    for (const { began, ended } of runsOf(history)) {
      const { actor } = began
      const { end } = ended
      const events = told.get(actor) ?? []
      const terminal = events.filter(isTerminal)
      if (end._tag === "Crashed") yield `${actor} ended with a defect: ${end.message}`
      if (terminal.length > 1) yield `${actor} was told ${terminal.length} ends`
      const [last] = terminal
      if (last !== undefined && last !== events.at(-1)) yield `${actor} was told something after its end`
      if (end._tag === "Died" || end._tag === "Crashed" || end._tag === "Done") continue
      if (events.length > 0 && last === undefined) yield `${actor} was told no end`
      // Interrupted while it tells its end, it has ended as it says.
      if (end._tag === "Interrupted") continue
      if (last !== undefined && last._tag !== terminalOf[end._tag])
        yield `${actor} ${end._tag}, and was told ${last._tag}`
      if (end._tag === "Succeeded" && last === undefined) yield `${actor} succeeded without a word`
    }
  },

  /** Progress never falls, and is 100 % on success alone. */
  *"progress is monotone"(history) {
    for (const [actor, events] of toldOf(history)) {
      let progress = initial
      for (const event of events) {
        const after = next(progress, event)
        const { percent = 0, sent, stored } = progress
        if (after.sent < sent || after.stored < stored || (after.percent ?? 0) < percent) {
          yield `progress of ${actor} fell at ${event._tag}`
        }
        if (after.percent === 100 && after.state !== "completed") yield `${actor} was at 100 % before its end`
        progress = after
      }
      const stored = events.filter((event) => event._tag === "BytesSent").map((event) => event.stored)
      if (stored.some((bytes, i) => bytes < (stored[i - 1] ?? 0))) yield `stored bytes of ${actor} fell`
    }
  },

  /** Who sends for a session holds its lease; nobody else's request is under way. */
  *"leases never overlap"(history) {
    const holders = new Map<string, { readonly actor: string; readonly until: number }>()
    const underWay = new Map<number, Of<"Sent">>()
    const killed = new Set<string>()
    for (const event of history) {
      if (event._tag === "LeaseTaken" || event._tag === "LeaseRenewed") holders.set(event.sessionId, event)
      if (event._tag === "LeaseReleased" && holders.get(event.sessionId)?.actor === event.actor) {
        holders.delete(event.sessionId)
      }
      if (event._tag === "Killed") killed.add(event.process)
      // Who is frozen cannot take back what is under way.
      if (event._tag === "Frozen") {
        for (const [call, { process }] of underWay) if (process === event.process) underWay.delete(call)
      }
      if (event._tag === "Heard" || event._tag === "Left") underWay.delete(event.call)
      if (event._tag !== "Sent" || event.sessionId === undefined || !sends.has(event.operation)) continue
      // Who was frozen cannot know that time went on: what it sends at once, no lease can keep back.
      if (event.thawed) continue
      const { actor, at, operation, sessionId } = event
      const holder = holders.get(sessionId)
      if (holder?.actor !== actor)
        yield `${actor} sent ${operation} for a session that ${holder?.actor ?? "nobody"} holds`
      else if (holder.until <= at) yield `${actor} sent ${operation} after its lease`
      for (const other of underWay.values()) {
        if (other.sessionId === sessionId && other.actor !== actor && !killed.has(other.process)) {
          yield `${actor} sent ${operation} while ${other.actor}'s ${other.operation} was under way`
        }
      }
      underWay.set(event.call, event)
    }
  },

  /** A run that ends leaves nothing in the store that the journal does not name. */
  *"what is left is named"(history) {
    const excused = unfindable(history)
    for (const { actor, unnamed } of eventsOf(history, "Ended")) {
      for (const uploadId of unnamed)
        if (!excused.has(uploadId)) yield `${actor} left ${uploadId}, which no session names`
    }
  },

  /** When all is over and the Janitor had time, nothing of ours is left; and what was others' is untouched. */
  *"nothing is left"(history) {
    const excused = unfindable(history)
    for (const { sessions, touched, uploads } of eventsOf(history, "Final")) {
      for (const session of sessions) yield `the session ${session} is left`
      for (const upload of uploads) if (!excused.has(upload)) yield `the multipart upload ${upload} is left`
      for (const upload of touched) yield `the multipart upload ${upload} of somebody else was touched`
    }
  },

  /** Everything ends. */
  *"nothing waits for ever"(history) {
    for (const { stuck } of eventsOf(history, "Final")) if (stuck !== undefined) yield stuck
    const ended = new Set(eventsOf(history, "Ended").map(({ actor }) => actor))
    for (const { actor } of eventsOf(history, "Began")) if (!ended.has(actor)) yield `${actor} has not ended`
  },

  /** Memory stays within its budget, and all of it comes back. */
  *"memory is a budget"(history) {
    for (const { budget, highWater, inUse, process } of eventsOf(history, "Memory")) {
      if (inUse > 0) yield `${process} still holds ${inUse} bytes`
      if (highWater > budget) yield `${process} held ${highWater} bytes of ${budget}`
    }
  },

  /** Nobody writes into bytes that are on their way. */
  *"bytes on their way stay"(history) {
    for (const { call } of eventsOf(history, "BodyChanged")) yield `the body of call ${call} changed while it was sent`
  },

  /** No request is made more often than its policy says. */
  *"attempts have a bound"(history) {
    const limits = new Map(eventsOf(history, "Began").map((event) => [event.actor, event.limits]))
    const told = toldOf(history)
    const sent = callsOf(history).filter(({ operation }) => sends.has(operation))
    for (const [name, calls] of groupBy(sent, (call) => `${call.actor} ${call.operation} ${call.partNumber ?? ""}`)) {
      const [first] = calls
      const bound = first && limits.get(first.actor)
      if (first === undefined || bound === undefined) continue
      const events = told.get(first.actor) ?? []
      // What Complete refused is sent again, once; the last part may be sent beside itself.
      const rounds = events.some((event) => event._tag === "Retrying" && event.error.reason._tag === "PartConflict")
        ? 2
        : 1
      const most = 2 * rounds * Math.max(bound.maxAttempts, bound.maxAttemptsInAll)
      if (calls.length > most) yield `${name} was sent ${calls.length} times, and ${most} are allowed`
    }
  },

  /** A passing fault ends a run only after as many attempts, or as much time, as its policy says. */
  *"retries are made"(history) {
    const sent = callsOf(history)
    const told = toldOf(history)
    for (const { began, ended } of runsOf(history)) {
      const { end } = ended
      if (end._tag !== "Failed" || !passing.has(end.reason) || end.operation === undefined) continue
      if (!sends.has(end.operation) && end.operation !== "CreateMultipartUpload") continue
      const calls = sent.filter(({ actor, operation }) => actor === began.actor && operation === end.operation)
      const sentMost = [...groupBy(calls, ({ partNumber }) => `${partNumber ?? ""}`).values()].map(
        (part) => part.length
      )
      // What a plugin lets fail before it is sent is an attempt as well.
      const retries = (told.get(began.actor) ?? []).filter(
        (event) => event._tag === "Retrying" && event.operation === end.operation
      )
      const most = Math.max(retries.length + 1, ...sentMost)
      const { maxAttempts, retryWithinMs } = began.limits
      const elapsed = ended.at - Math.min(...calls.map(({ at }) => at))
      // A wait that would pass the end of the time is not begun.
      if (calls.length > 0 && most < maxAttempts && elapsed < 0.5 * retryWithinMs) {
        yield `${began.actor} gave up after ${most} attempts at ${end.operation} in ${Math.round(elapsed)} ms: ${end.message}`
      }
    }
  },

  /** When Complete leaves, every part that it names is in the journal. */
  *"receipts come first"(history) {
    for (const { actor, operation, unrecorded } of eventsOf(history, "Sent")) {
      if (operation === "CompleteMultipartUpload" && unrecorded.length > 0) {
        yield `${actor} sent Complete with parts ${unrecorded.join(", ")}, which the journal does not have`
      }
    }
  },

  /** What an earlier run has stored and recorded is not sent again. */
  *"nothing is sent twice"(history) {
    // What a run has sent once, for a reason, it may have to send again.
    const sent = new Set<string>()
    for (const { actor, known, operation, partNumber, uploadId } of eventsOf(history, "Sent")) {
      if (operation !== "UploadPart") continue
      const name = `${actor} ${uploadId} ${partNumber}`
      if (known && !sent.has(name)) yield `${actor} sent part ${partNumber} again, which was stored and recorded`
      sent.add(name)
    }
  },

  /** Nobody ends an upload of which he then says that its completion is unknown. */
  *"never aborted while unknown"(history) {
    const calls = callsOf(history)
    for (const { ended } of runsOf(history)) {
      const { actor, end } = ended
      if (end._tag !== "Failed" || end.reason !== "CompletionUnknown") continue
      const aborts = calls.filter(
        (call) =>
          call.actor === actor && call.operation === "AbortMultipartUpload" && call.applied?.refused === undefined
      )
      if (aborts.some(({ applied }) => applied !== undefined)) {
        yield `${actor} says that its completion is unknown, and has aborted its upload`
      }
    }
  },

  /** Whoever asked for the news of a success hears them, under one id. */
  *"news arrive"(history) {
    if (!eventsOf(history, "Final").some(({ deliveries }) => deliveries)) return
    const sessions = sessionsOf(history)
    const delivered = eventsOf(history, "Delivered")
    for (const [name, all] of groupBy(delivered, ({ event, sessionId }) => `${sessionId} ${event}`)) {
      if (new Set(all.map(({ id }) => id)).size > 1) yield `${name} was delivered under several ids`
    }
    const writes = writesOf(history)
    for (const { began, ended } of runsOf(history)) {
      if (ended.end._tag !== "Succeeded") continue
      const sessionId = sessions.get(began.actor)
      const heard = delivered.some((news) => news.sessionId === sessionId && news.event === "UploadCompleted")
      // What somebody has overwritten since, a Janitor cannot find any more.
      const last = eventsOf(history, "Written")
        .filter(({ key }) => key === began.key)
        .at(-1)
      const own = writes.some(({ session, writeToken }) => session === sessionId && writeToken === last?.writeToken)
      if (!heard && own) yield `nobody was told that ${began.actor} is stored`
    }
  }
} satisfies Readonly<Record<string, Rule>>

export type RuleName = keyof typeof rules

/** Every promise that a history breaks. Pure. */
export const checkHistory = (history: History): ReadonlyArray<Violation> =>
  (Object.keys(rules) as ReadonlyArray<RuleName>).flatMap((rule) =>
    [...rules[rule](history)].map((message) => ({ rule, message }))
  )
