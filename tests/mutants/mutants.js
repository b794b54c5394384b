/**
 * Planted bugs: for each row of the fault matrix (docs/reliability.md) what holds it, undone.
 *
 * A test that stays green with its promise undone holds nothing. `from` must stand in the file exactly once: a mutant
 * that no longer fits is mended with the code that it was planted in.
 *
 * @module
 */

/**
 * @typedef {object} Mutant
 * @property {ReadonlyArray<number>} rows of the matrix whose tests must see it
 * @property {string} bug what was undone, in words
 * @property {string} file under packages/core/src
 * @property {ReadonlyArray<readonly [from: string, to: string]>} edits
 */

/** @type {ReadonlyArray<Mutant>} */
export const mutants = [
  {
    rows: [1, 7, 9, 13, 19, 20, 21],
    bug: "nothing is tried again",
    file: "RetryPolicy.ts",
    edits: [['if (retry !== "temporary") return "never"', 'if (retry !== undefined) return "never"']]
  },
  {
    rows: [1],
    bug: "waits have no jitter and no cap",
    file: "RetryPolicy.ts",
    edits: [
      ["Math.min(options.retryCapMs, base * 2 ** (attempt - 1))", "base * 2 ** (attempt - 1)"],
      ["Math.max(random * bound, retryAfterMs(error))", "Math.max(bound, retryAfterMs(error))"]
    ]
  },
  {
    rows: [2],
    bug: "what a lost Create may have left is not looked for",
    file: "internal/create-upload.ts",
    edits: [["unheard = unheard || mayHaveBeenApplied(error)", "unheard = unheard && mayHaveBeenApplied(error)"]]
  },
  {
    rows: [2],
    bug: "suspects are ended although they hold parts",
    file: "internal/end-suspects.ts",
    edits: [["if ((yield* partsOf(run, suspect)) !== 0) continue", "yield* partsOf(run, suspect)"]]
  },
  {
    rows: [3, 17, 36],
    bug: "an answer without what it must have counts",
    file: "s3/caller.ts",
    edits: [['value === undefined || value === ""', "false"]]
  },
  {
    rows: [4, 28],
    bug: "AccessDenied is tried again",
    file: "s3/error-codes.ts",
    edits: [['row(\n    "fatal",\n    accessDenied,', 'row(\n    "server",\n    accessDenied,']]
  },
  {
    rows: [4, 62],
    bug: "a key that cannot be used is asked for again",
    file: "s3/error-codes.ts",
    edits: [['row(\n    "fatal",\n    badKey,', 'row(\n    "server",\n    badKey,']]
  },
  {
    rows: [5],
    bug: "the region that the store names is not learned",
    file: "s3/learn.ts",
    edits: [["if (region !== before) config.region = async () => region", ""]]
  },
  {
    rows: [5],
    bug: "a bucket that is not there is asked for again, as a store in trouble",
    file: "s3/error-codes.ts",
    edits: [
      ['row("fatal", () => ({ _tag: "NoSuchBucket" }), "NoSuchBucket', 'row("server", unavailable, "NoSuchBucket']
    ]
  },
  {
    rows: [6],
    bug: "an encryption that is not echoed is believed",
    file: "internal/encryption-echo.ts",
    edits: [["if (answered !== echoOf[mode])", "if (answered === 'other')"]]
  },
  {
    rows: [7],
    bug: "throttling counts against the attempts",
    file: "RetryPolicy.ts",
    edits: [['if (kind === "throttle" || (kind', "if ((kind"]]
  },
  {
    rows: [7],
    bug: "throttling does not make it ask for fewer",
    file: "internal/congestion-window.ts",
    edits: [['if (reason === "Throttled") return Effect.sync(shrink)', ""]]
  },
  {
    rows: [8],
    bug: "Retry-After is not heard",
    file: "RetryPolicy.ts",
    edits: [["Math.max(random * bound, retryAfterMs(error))", "random * bound"]]
  },
  {
    rows: [9, 18, 19],
    bug: "a connection that breaks ends the upload",
    file: "s3/error-codes.ts",
    edits: [
      [
        'row(\n    "network",\n    broken("the connection to the store broke"),',
        'row(\n    "fatal",\n    broken("the connection to the store broke"),'
      ]
    ]
  },
  {
    rows: [10],
    bug: "a broken pipe counts, whatever the store had answered",
    file: "platform/transport-node.ts",
    edits: [["if (early) outgoing.destroy()", "if (early) return reject(new ExchangeError('EPIPE', 'broken pipe'))"]]
  },
  {
    rows: [11, 40],
    bug: "silence ends no attempt",
    file: "internal/watchdog.ts",
    edits: [["if (now - alive >= stallMs) {", "if (now - alive >= stallMs * 1_000) {"]]
  },
  {
    rows: [12],
    bug: "a trickle is enough",
    file: "internal/watchdog.ts",
    edits: [["if (taken - takenBefore < (floor.bytesPerSecond * floor.windowMs) / 1_000) return undefined", ""]]
  },
  {
    rows: [13],
    bug: "attempts at a store that is away count",
    file: "RetryPolicy.ts",
    edits: [['|| (kind === "away" && budget?.reached() === true)', ""]]
  },
  {
    rows: [14],
    bug: "a certificate that does not hold is tried again",
    file: "s3/error-codes.ts",
    edits: [['row(\n    "fatal",\n    tls,', 'row(\n    "server",\n    tls,']]
  },
  {
    rows: [14],
    bug: "an endpoint without TLS is tried again",
    file: "s3/error-codes.ts",
    edits: [['row("fatal", noTls,', 'row("server", noTls,']]
  },
  {
    rows: [15],
    bug: "damaged bytes are sent for ever",
    file: "RetryPolicy.ts",
    edits: [["integrity: 3, once: 2", "once: 2"]]
  },
  {
    rows: [15, 19],
    bug: "damage on the way ends the upload",
    file: "s3/error-codes.ts",
    edits: [['row(\n    "integrity",\n    damaged,', 'row(\n    "fatal",\n    damaged,']]
  },
  {
    rows: [15],
    bug: "what the store says that it has is not compared",
    file: "internal/send-part.ts",
    edits: [["(stored.crc32 === undefined || stored.crc32 === sent.crc32) &&", "true ||"]]
  },
  {
    rows: [16],
    bug: "the MD5 is not sent, and the ETag not compared",
    file: "s3/payload.ts",
    edits: [
      ['...(taken === undefined ? {} : { "content-md5": base64OfHex(taken) })', ""],
      ["if (theirs === ours) return true", "return true"]
    ]
  },
  {
    rows: [17],
    bug: "an ETag is believed that is not that of the bytes",
    file: "s3/payload.ts",
    edits: [["if (theirs === ours) return true", "return true"]]
  },
  {
    rows: [18],
    bug: "what a repeated part sends is counted twice",
    file: "internal/send-part.ts",
    edits: [["run.bus.restarted(partNumber)", ""]]
  },
  {
    rows: [20],
    bug: "a load balancer's page ends the upload",
    file: "s3/error-codes.ts",
    edits: [
      ['anyServerError = row("server"', 'anyServerError = row("fatal"'],
      ['503: row("away"', '503: row("fatal"']
    ]
  },
  {
    rows: [21],
    bug: "RequestTimeout ends the upload",
    file: "s3/error-codes.ts",
    edits: [['row("stall", stalled, "RequestTimeout ', 'row("fatal", stalled, "RequestTimeout ']]
  },
  {
    rows: [22],
    bug: "the clock's offset is not learned",
    file: "s3/FaultClass.ts",
    edits: [['remedy: "clock",\n    action: "the offset learned', 'action: "the offset learned']]
  },
  {
    rows: [23],
    bug: "every part refreshes the credentials by itself",
    file: "s3/learn.ts",
    edits: [
      ["if (refresh?.of === refused) return refresh.other", ""],
      ["isOther(now) || config.credentials", "config.credentials"]
    ]
  },
  {
    rows: [24, 45],
    bug: "what could not be aborted is forgotten",
    file: "internal/settle.ts",
    edits: [["if (isSettled(end)) {", "if (isSettled({ ...end, uploadId: undefined })) {"]]
  },
  {
    rows: [25],
    bug: "NoSuchUpload is tried again",
    file: "s3/FaultClass.ts",
    edits: [['gone: { retry: "permanent"', 'gone: { retry: "temporary"']]
  },
  {
    rows: [25, 38],
    bug: "any object at the key counts as ours",
    file: "internal/complete.ts",
    edits: [
      ["return claimed && head.size === expected.size && contradiction(expected, head) === undefined", "return true"],
      ["if (ambiguous || lost) {", "{"]
    ]
  },
  {
    rows: [26, 27],
    bug: "Complete names parts in the order in which they ended",
    file: "internal/send-parts.ts",
    edits: [["return sortReceipts(receipts)", "return receipts"]]
  },
  {
    rows: [26],
    bug: "a part that was sent again is named twice",
    file: "internal/send-parts.ts",
    edits: [
      [
        "Effect.map((receipt) => receipts.push(receipt)),",
        "Effect.map((receipt) => receipts.push(...(receipt.partNumber === 2 ? [receipt, receipt] : [receipt]))),"
      ]
    ]
  },
  {
    rows: [28, 46],
    bug: "parts in flight are not awaited",
    file: "internal/send-parts.ts",
    edits: [["Effect.forkIn(scope)", "Effect.forkDetach"]]
  },
  {
    rows: [29],
    bug: "the first page of parts is taken for all",
    file: "internal/known-parts.ts",
    edits: [["if (current.next === undefined) return { parts: all, first }", "return { parts: all, first }"]]
  },
  {
    rows: [29],
    bug: "a list's marker may stand still",
    file: "s3/list-verbs.ts",
    edits: [["if (next !== undefined && !(next > (after ?? 0))) {", "if (next !== undefined && Number.isNaN(next)) {"]]
  },
  {
    rows: [30, 41],
    bug: "the store's parts are not held against the receipts",
    file: "internal/reconcile-part.ts",
    edits: [
      ["if (normalizeEtag(listed.etag) !== normalizeEtag(stored.etag)) return send", ""],
      ["if (listed.crc32 !== undefined && listed.crc32 !== stored.crc32) return send", ""]
    ]
  },
  {
    rows: [31],
    bug: "an upload is continued in the sizes that we would plan",
    file: "internal/find-session.ts",
    edits: [["if (fits(planned)) return planned", "return planned"]]
  },
  {
    rows: [32],
    bug: "the store is asked for the upload although the journal names it",
    file: "internal/find-session.ts",
    edits: [["if (newest !== undefined) return newest", ""]]
  },
  {
    rows: [33],
    bug: "parts of which only the store knows are believed",
    file: "internal/reconcile-part.ts",
    edits: [["if (!same) return send", ""]]
  },
  {
    rows: [33],
    bug: "everything is sent again",
    file: "internal/reconcile-part.ts",
    edits: [["if (listed === undefined || listed.size !== source.size) return send", "return send"]]
  },
  {
    rows: [34],
    bug: "a part that reads otherwise now is sent again",
    file: "internal/reconcile-part.ts",
    edits: [['return { _tag: "Changed" }', "return send"]]
  },
  {
    rows: [34],
    bug: "size, name and digests of the source are not compared",
    file: "internal/find-session.ts",
    edits: [
      [
        "if (session.size !== undefined && source.size !== undefined && session.size !== source.size) {",
        "if (session.size === -1) {"
      ],
      ["if (session.source === undefined) return", "return"]
    ]
  },
  {
    rows: [35],
    bug: "an error inside a 200 lasts",
    file: "s3/error-codes.ts",
    edits: [
      ['row(\n    "server",\n    unavailable,', 'row(\n    "fatal",\n    unavailable,'],
      ['embeddedUnknown = row("answer"', 'embeddedUnknown = row("fatal"']
    ]
  },
  {
    rows: [35],
    bug: "AccessDenied inside a 200 is tried again",
    file: "s3/error-codes.ts",
    edits: [['row(\n    "fatal",\n    accessDenied,', 'row(\n    "server",\n    accessDenied,']]
  },
  {
    rows: [36, 37, 40],
    bug: "nobody looks for the object when an answer is lost",
    file: "internal/complete.ts",
    edits: [
      ["if (ambiguous || lost) {", "if (attempt < 0) {"],
      ["if (!ambiguous) {", "if (attempt < 0) {"]
    ]
  },
  {
    rows: [36, 37, 40],
    bug: "a lost answer counts as success",
    file: "internal/complete.ts",
    edits: [
      [
        "if (ambiguous || lost) {",
        "if (ambiguous) return { etag: expected.etag ?? 'etag', versionId: undefined, encryption: undefined }\n    if (lost) {"
      ]
    ]
  },
  {
    rows: [37],
    bug: "what nobody can know is told as a failure",
    file: "internal/complete.ts",
    edits: [['_tag: "CompletionUnknown",\n      message', '_tag: "Unavailable",\n      message']]
  },
  {
    rows: [38],
    bug: "CompletionUnknown is aborted, or told as the refusal",
    file: "internal/complete.ts",
    edits: [["if (!lost) return yield* persistent(error, attempt)", "return yield* persistent(error, attempt)"]]
  },
  {
    rows: [39],
    bug: "Complete gets no more time than any attempt",
    file: "internal/upload-run.ts",
    edits: [["Math.max(attemptTimeoutMs, patientMs)", "attemptTimeoutMs"]]
  },
  {
    rows: [39],
    bug: "white space is no sign of life",
    file: "platform/transport-node.ts",
    edits: [
      [
        'response.on("data", (chunk: Uint8Array) => {\n        onActivity?.()',
        'response.on("data", (chunk: Uint8Array) => {'
      ]
    ]
  },
  {
    rows: [30, 41],
    bug: "InvalidPart ends the upload",
    file: "internal/run-multipart.ts",
    edits: [['(error) => error.reason._tag === "PartConflict",', "() => false,"]]
  },
  {
    rows: [42],
    bug: "a condition that fails is tried again",
    file: "s3/FaultClass.ts",
    edits: [['conflict: { retry: "permanent"', 'conflict: { retry: "temporary"']]
  },
  {
    rows: [42],
    bug: "conditions are not sent",
    file: "s3/multipart-verbs.ts",
    edits: [["...(input.ifNoneMatch === undefined ? {} : { IfNoneMatch: input.ifNoneMatch }),", ""]]
  },
  {
    rows: [42],
    bug: "what failed is not aborted",
    file: "internal/run-multipart.ts",
    edits: [["yield* abortUpload(run, uploadId)", ""]]
  },
  {
    rows: [43],
    bug: "a whole that is refused is told once",
    file: "RetryPolicy.ts",
    edits: [["integrity: 3, once: 2", "integrity: 1, once: 2"]]
  },
  {
    rows: [44],
    bug: "the answer to Complete is not compared",
    file: "internal/run-multipart.ts",
    edits: [["const wrong = contradiction(expected, written)", "const wrong = undefined"]]
  },
  {
    rows: [46],
    bug: "an abort is believed",
    file: "internal/abort-until-gone.ts",
    edits: [['Effect.as<Outcome>("left")', 'Effect.as<Outcome>("gone")']]
  },
  {
    rows: [45],
    bug: "the abort's failure hides the upload's",
    file: "internal/abort-upload.ts",
    edits: [
      [
        "yield* Effect.ignore(run.record({ uploadId }))\n",
        "if (error !== undefined) return yield* Effect.fail(error)\n"
      ]
    ]
  },
  {
    rows: [47],
    bug: "NoSuchUpload of an abort is a failure",
    file: "internal/abort-until-gone.ts",
    edits: [
      ["Effect.catchIf(abort, gone, () => Effect.void)", "abort"],
      ['Effect.catchIf(gone, () => Effect.succeed<Outcome>("gone"))', "Effect.map((one) => one)"]
    ]
  },
  {
    rows: [48],
    bug: "a Create that was interrupted is left alone",
    file: "internal/create-upload.ts",
    edits: [
      ['if (late._tag === "Some" && late.value._tag === "Some") yield* abortUpload(run, late.value.value.uploadId)', ""]
    ]
  },
  {
    rows: [37],
    bug: "nobody looks whether Complete has won against the abort",
    file: "internal/run-multipart.ts",
    edits: [["if (completion.lost && completion.expected !== undefined) {", "if (completion.expected === run) {"]]
  },
  {
    rows: [49],
    bug: "receipts are not written",
    file: "internal/send-part.ts",
    edits: [["yield* run.journal.putReceipt(run.session().sessionId, receipt)", ""]]
  },
  {
    rows: [49],
    bug: "a resumed run sends everything again",
    file: "internal/reconcile-part.ts",
    edits: [['return { _tag: "Stored", receipt: journalled }', "return send"]]
  },
  {
    rows: [50],
    bug: "a lease may be taken twice",
    file: "Journal.ts",
    edits: [["if (lock.lease !== undefined && lock.lease.expiresAt > now) return yield* busy(sessionId)", ""]]
  },
  {
    rows: [51],
    bug: "a source may be shorter than it said",
    file: "internal/send-parts.ts",
    edits: [["if (size !== undefined && (wanted <= 0 ? part.size > 0 : part.size < wanted)) {", "if (wanted < -1) {"]]
  },
  {
    rows: [51],
    bug: "a source's own failure is taken for its end",
    file: "internal/fill-part.ts",
    edits: [
      [
        "giveBack()\n        reject(cause)",
        "const none = fill.slabs.splice(0)\n        share.release(none)\n        resolve({ slabs: [], slices: [], size: 0, crc32: 0, ended: true })"
      ]
    ]
  },
  {
    rows: [52],
    bug: "a source that gives nothing for 30 s is given up",
    file: "internal/drive-upload.ts",
    edits: [
      [
        ": memory.fill(reader, size === undefined ? most : size + 1)",
        ": Effect.timeout(memory.fill(reader, size === undefined ? most : size + 1), 30_000)"
      ]
    ]
  },
  {
    rows: [53],
    bug: "a file may change while it is uploaded",
    file: "internal/run-multipart.ts",
    edits: [["yield* run.source.unchanged ?? Effect.void", ""]]
  },
  {
    rows: [53],
    bug: "the second pass is not held against the first",
    file: "internal/two-passes.ts",
    edits: [
      [
        'if (sent === range.size && crc !== expected) throw changed("a part\'s bytes are not those of its checksum")',
        ""
      ],
      ["if (sent < range.size) throw", "if (sent < 0) throw"]
    ]
  },
  {
    rows: [54],
    bug: "the threshold itself is one PUT",
    file: "UploadPlan.ts",
    edits: [
      [
        "input.size < input.multipartThreshold && input.size <= largestPut",
        "input.size <= input.multipartThreshold && input.size <= largestPut"
      ]
    ]
  },
  {
    rows: [54],
    bug: "the number of parts is not looked at",
    file: "UploadPlan.ts",
    edits: [["Math.max(input.partSize, roundUpToMiB(Math.ceil(size / store.limits.maxParts)))", "input.partSize"]]
  },
  {
    rows: [58],
    bug: "an upload goes on without its journal",
    file: "internal/send-part.ts",
    edits: [
      [
        "yield* run.journal.putReceipt(run.session().sessionId, receipt)",
        "yield* Effect.ignore(run.journal.putReceipt(run.session().sessionId, receipt))"
      ]
    ]
  },
  {
    rows: [58],
    bug: "an upload begins without its journal",
    file: "internal/drive-upload.ts",
    edits: [["Effect.map(journal.create(head), () => {", "Effect.map(Effect.ignore(journal.create(head)), () => {"]]
  },
  {
    rows: [59],
    bug: "damaged lines are read",
    file: "internal/seal.ts",
    edits: [["return line === seal(text) ? text : undefined", "return text"]]
  },
  {
    rows: [59],
    bug: "a newer format is read as ours",
    file: "Session.ts",
    edits: [['if (typeof format === "number" && format > 1) {', "if (format === -1) {"]]
  },
  {
    rows: [60],
    bug: "a delivery is tried once",
    file: "internal/deliver.ts",
    edits: [['{ cause, retry: "temporary" })', '{ cause, retry: "permanent" })']]
  },
  {
    rows: [60],
    bug: "an observer that hangs is waited for",
    file: "internal/observe.ts",
    edits: [["const drainMs = 5_000", "const drainMs = 5_000_000"]]
  },
  {
    rows: [60],
    bug: "the end of an upload waits for its deliveries",
    file: "internal/settle.ts",
    edits: [
      [
        "yield* Effect.forkIn(deliver(journal, options, owed, event), scope)",
        "yield* deliver(journal, options, owed, event)"
      ]
    ]
  },
  {
    rows: [61],
    bug: "a part hook may change the length as it likes",
    file: "internal/run-hooks.ts",
    edits: [["(output) => lengthOf(output) === bytes.length + hook.overhead(bytes.length),", "() => true,"]]
  },
  {
    rows: [61],
    bug: "a plugin's own error is told, without its name",
    file: "internal/run-hooks.ts",
    edits: [
      [
        ': uploadError({ _tag: "PluginFailed", plugin, hook, cause: defect }, { cause: defect })',
        ': uploadError({ _tag: "SourceFailed", message: "failed" }, { cause: defect })'
      ]
    ]
  },
  {
    rows: [61],
    bug: "a hook that hangs cannot be interrupted",
    file: "internal/run-hooks.ts",
    edits: [["inTime(\n      guest,\n      Effect.suspend(", "Effect.uninterruptible(\n      Effect.suspend("]]
  },
  {
    rows: [63],
    bug: "what a logger throws ends the upload",
    file: "internal/warn.ts",
    edits: [["() => Effect.void\n", "Effect.failCause\n"]]
  },
  {
    rows: [64],
    bug: "a receipt that could not be written counts as written",
    file: "FileJournal.ts",
    edits: [
      [
        "putReceipt: (sessionId, receipt) =>\n      existing(",
        "putReceipt: (sessionId, receipt) =>\n      Effect.ignore(existing("
      ],
      ['? undefined : "gone"\n      }),\n    receipts', '? undefined : "gone"\n      })),\n    receipts']
    ]
  },
  {
    rows: [64],
    bug: "memory is given without bound",
    file: "internal/slab-pool.ts",
    edits: [
      ["if (first === undefined) return used + count <= limit", "if (first === undefined) return true"],
      ["return used + count + Math.max(0, largest() - first.held) <= limit", "return true"]
    ]
  },
  {
    rows: [65],
    bug: "the Janitor takes what was touched lately",
    file: "internal/sweep-session.ts",
    edits: [
      ["if (!hasEnded(session)) return abandoned.has(session.sessionId)", "if (!hasEnded(session)) return true"],
      ["if (updatedAt >= oldBefore) return undefined", ""]
    ]
  },
  {
    rows: [65],
    bug: "the Janitor works on what changed since it looked",
    file: "internal/sweep-session.ts",
    edits: [["if (session.version !== seen.version) return undefined", ""]]
  },
  {
    rows: [65],
    bug: "the Janitor needs no lease",
    file: "internal/sweep-session.ts",
    edits: [
      [
        "holdingLease(sweep.journal, session.sessionId, sweep.options.leaseMs, () => sweepHeld(sweep, session))",
        "sweepHeld(sweep, session)"
      ]
    ]
  },
  {
    rows: [11, 12],
    bug: "nobody watches over attempts",
    file: "internal/watchdog.ts",
    edits: [["return Effect.raceFirst(attempt(touch, took), watch)", "return attempt(touch, took)"]]
  },
  {
    rows: [29],
    bug: "the next page is asked for from the first part on",
    file: "s3/list-verbs.ts",
    edits: [["{ PartNumberMarker: String(after) }", "{ PartNumberMarker: String(after - 1) }"]]
  },
  {
    rows: [31],
    bug: "a resumed run plans its parts anew",
    file: "internal/drive-upload.ts",
    edits: [
      [
        "if (earlier !== undefined) return yield* work(earlier.session)",
        "if (earlier !== undefined) return yield* work({ ...earlier.session, layout: { ...earlier.session.layout, partSize: options.partSize } })"
      ]
    ]
  },
  {
    rows: [42],
    bug: "a single PUT is sent without its condition",
    file: "s3/object-verbs.ts",
    edits: [["...(input.ifNoneMatch === undefined ? {} : { IfNoneMatch: input.ifNoneMatch }),", ""]]
  },
  {
    rows: [48],
    bug: "a resumed run takes no Complete for sent",
    file: "internal/drive-upload.ts",
    edits: [['mayBeCompleted: earlier?.session.state === "completing"', "mayBeCompleted: false"]]
  },
  {
    rows: [48],
    bug: "a session that failed stays open in the journal",
    file: "internal/settle.ts",
    edits: [
      [
        "if (session === undefined || kept) return",
        "if (session === undefined || kept || !Exit.isSuccess(exit)) return"
      ]
    ]
  },
  {
    rows: [51],
    bug: "a source's words are lost",
    file: "Source.ts",
    edits: [
      [
        '_tag: "SourceFailed",\n          message: `the source failed: ',
        '_tag: "SourceFailed",\n          message: cause === "" ? "" : "failed" || `'
      ]
    ]
  },
  {
    rows: [51],
    bug: "one PUT may have another size than was declared",
    file: "internal/drive-upload.ts",
    edits: [["if (size !== undefined && first.size !== size) {", "if (size === -1) {"]]
  },
  {
    rows: [53],
    bug: "a file may change before it is sent as one PUT",
    file: "internal/run-single.ts",
    edits: [["yield* run.source.unchanged ?? Effect.void", ""]]
  },
  {
    rows: [58],
    bug: "the head's changes are not waited for",
    file: "internal/drive-upload.ts",
    edits: [
      [
        "record: (change) =>\n        Effect.map(\n          recordHead(journal, { ...current, ...change, pluginState: Object.fromEntries(saved) }, () => lease?.lost()),",
        "record: (change) =>\n        Effect.map(\n          Effect.orElseSucceed(recordHead(journal, { ...current, ...change, pluginState: Object.fromEntries(saved) }, () => lease?.lost()), () => ({ ...current, ...change })),"
      ]
    ]
  },
  {
    rows: [61],
    bug: "next may be called twice",
    file: "internal/run-hooks.ts",
    edits: [["if (called) {", 'if (plugin === "") {']]
  },
  {
    rows: [62],
    bug: "a key service that is busy ends the upload",
    file: "s3/error-codes.ts",
    edits: [
      [
        "TransactionInProgressException EC2ThrottledException KMS.ThrottlingException TooManyParts",
        "TransactionInProgressException EC2ThrottledException TooManyParts"
      ],
      ["[/^(KMS\\.)?(Request)?Throttl/, row(", "[/^(Request)Throttl/, row("]
    ]
  }
]
