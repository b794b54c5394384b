import { uploadError } from "@sluice/core/UploadError"
import type { UploadEvent } from "@sluice/core/UploadEvent"
import { describe, expect, it } from "vitest"
import { checkHistory, type RuleName, rules } from "./check-history.ts"
import type { History, HistoryEvent } from "./History.ts"

const actor = "upload 1"
const content = new Uint8Array([1, 2, 3])
const limits = { maxAttempts: 3, maxAttemptsInAll: 4, retryWithinMs: 60_000 }
const object = {
  ...{
    bucket: "media",
    key: "a",
    uri: "s3://media/a",
    location: "",
    etag: "e",
    versionId: undefined,
    crc32: 0,
    parts: 1
  },
  ...{ size: 3, proof: "source" as const }
}
const base = { sessionId: "s", bucket: "media", key: "a", at: 0 }

const began: HistoryEvent = {
  ...{ _tag: "Began", at: 0, actor, process: "p", kind: "upload", key: "a", content, sessionId: undefined, limits }
}
const journalled: HistoryEvent = { _tag: "Journalled", at: 1, actor, sessionId: "s", writeToken: "t" }
const leased = (who: string, at: number, until: number, fence = 1): HistoryEvent => ({
  ...{ _tag: "LeaseTaken", at, actor: who, sessionId: "s", fence, until }
})
const written: HistoryEvent = { _tag: "Written", at: 5, key: "a", writeToken: "t", content, size: 3, etag: "e" }
const told = (event: UploadEvent): HistoryEvent => ({ _tag: "Told", at: 6, actor, event })
const completed = told({ ...base, _tag: "UploadCompleted", object })
const ended = (
  end: Extract<HistoryEvent, { _tag: "Ended" }>["end"],
  unnamed: ReadonlyArray<string> = []
): HistoryEvent => ({
  ...{ _tag: "Ended", at: 7, actor, end, unnamed }
})
const stored = ended({ _tag: "Succeeded", object })
type Sent = Extract<HistoryEvent, { _tag: "Sent" }>
const sent = (call: number, change: Partial<Sent> = {}): HistoryEvent => ({
  ...{
    _tag: "Sent",
    at: 3,
    call,
    actor,
    process: "p",
    operation: "UploadPart",
    key: "a",
    sessionId: "s",
    uploadId: "u"
  },
  ...{ partNumber: 1, thawed: false, unrecorded: [], known: false },
  ...change
})
const heard = (call: number): HistoryEvent => ({ _tag: "Heard", at: 4, call, error: undefined })
const final = (change: Partial<Extract<HistoryEvent, { _tag: "Final" }>> = {}): HistoryEvent => ({
  ...{ _tag: "Final", at: 9, sessions: [], uploads: [], touched: [], deliveries: false, stuck: undefined },
  ...change
})
const failed = (reason: "Unavailable" | "CompletionUnknown"): HistoryEvent =>
  ended({ _tag: "Failed", reason, retry: "persistent", operation: "UploadPart", message: reason })
const failure = uploadError({ _tag: "Unavailable", message: "away" })
const toldFailed = told({ ...base, _tag: "UploadFailed", error: failure, kept: false })

const good: History = [
  began,
  journalled,
  leased(actor, 2, 1_000),
  sent(1),
  heard(1),
  written,
  completed,
  stored,
  final()
]

/** For each promise, histories that break it. */
const bad: Readonly<Record<RuleName, ReadonlyArray<History>>> = {
  "success is identical": [
    [began, journalled, completed, stored, final()],
    [began, journalled, { ...written, content: new Uint8Array([1, 2, 4]) }, completed, stored, final()],
    [began, journalled, { ...written, writeToken: "another's" }, completed, stored, final()],
    [began, journalled, completed, stored, { ...written, at: 8 }, final()]
  ],
  "objects are whole": [[began, journalled, { ...written, content: new Uint8Array(0) }, final()]],
  "one outcome": [
    [...good.slice(0, -2), completed, stored, final()],
    [began, journalled, written, toldFailed, stored, final()],
    [began, journalled, written, stored, final()],
    [began, journalled, completed, told({ ...base, _tag: "Completing" }), stored, final()],
    [began, ended({ _tag: "Crashed", message: "undefined is not a function" }), final()]
  ],
  "progress is monotone": [
    [
      began,
      told({ ...base, _tag: "BytesSent", sent: 3, stored: 3 }),
      told({ ...base, _tag: "BytesSent", sent: 2, stored: 2 }),
      final()
    ]
  ],
  "leases never overlap": [
    [began, journalled, sent(1), final()],
    [began, journalled, leased("resume 1", 2, 1_000), sent(1), final()],
    [began, journalled, leased(actor, 1, 2), sent(1), final()],
    [began, journalled, leased(actor, 1, 50), sent(1), leased("r", 3, 99, 2), sent(2, { actor: "r" }), final()]
  ],
  "what is left is named": [[began, journalled, ended({ _tag: "Interrupted" }, ["u"]), final()]],
  "nothing is left": [
    [...good.slice(0, -1), final({ sessions: ["s"] })],
    [...good.slice(0, -1), final({ uploads: ["u"] })],
    [...good.slice(0, -1), final({ touched: ["f"] })]
  ],
  "nothing waits for ever": [
    [began, journalled, final()],
    [...good.slice(0, -1), final({ stuck: "something waits for ever" })]
  ],
  "memory is a budget": [
    [...good, { _tag: "Memory", at: 9, process: "p", inUse: 1, highWater: 1, budget: 2 }],
    [...good, { _tag: "Memory", at: 9, process: "p", inUse: 0, highWater: 3, budget: 2 }]
  ],
  "bytes on their way stay": [[...good, { _tag: "BodyChanged", at: 4, call: 1 }]],
  "attempts have a bound": [
    [began, journalled, leased(actor, 2, 1_000), ...Array.from({ length: 9 }, (_, i) => sent(i)), final()]
  ],
  "retries are made": [
    [began, journalled, leased(actor, 2, 1_000), sent(1), toldFailed, failed("Unavailable"), final()]
  ],
  "receipts come first": [[...good, sent(2, { operation: "CompleteMultipartUpload", unrecorded: [2] })]],
  "nothing is sent twice": [[...good, sent(2, { partNumber: 2, known: true })]],
  "never aborted while unknown": [
    [
      ...[began, journalled, leased(actor, 2, 1_000), sent(1, { operation: "AbortMultipartUpload" })],
      { _tag: "Applied", at: 4, call: 1, refused: undefined, uploadId: undefined },
      failed("CompletionUnknown")
    ]
  ],
  "news arrive": [
    [...good.slice(0, -1), final({ deliveries: true })],
    [
      ...good,
      { _tag: "Delivered", at: 8, sessionId: "s", id: "1", event: "UploadCompleted" },
      { _tag: "Delivered", at: 8, sessionId: "s", id: "2", event: "UploadCompleted" },
      final({ deliveries: true })
    ]
  ]
}

describe("the checker of histories", () => {
  it("finds nothing in a good one", () => {
    expect(checkHistory(good)).toEqual([])
  })

  it.each(Object.keys(rules) as ReadonlyArray<RuleName>)("finds what breaks '%s'", (rule) => {
    for (const history of bad[rule]) expect(checkHistory(history).map((violation) => violation.rule)).toContain(rule)
  })

  it("excuses who was frozen, and cannot know that its lease ran out", () => {
    const history = [
      began,
      journalled,
      leased(actor, 1, 2),
      sent(1, { thawed: true }),
      heard(1),
      written,
      completed,
      stored
    ]
    expect(checkHistory([...history, final()])).toEqual([])
  })
})
