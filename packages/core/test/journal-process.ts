/**
 * A process that works on a session until it is killed: takes the lease, then stores receipts, telling of each one
 * that is acknowledged.
 *
 *   node journal-process.ts DIRECTORY FIRST-PART
 */
import * as Effect from "effect/Effect"
import { make } from "../src/FileJournal.ts"

const [directory = "", first = "1"] = process.argv.slice(2)

await Effect.runPromise(
  Effect.gen(function* () {
    const journal = yield* make(directory)
    const { fence } = yield* journal.acquire("s", 3_600_000)
    process.stdout.write(`fence ${fence}\n`)
    for (let partNumber = Number(first); ; partNumber++) {
      yield* journal.putReceipt("s", {
        partNumber,
        source: { offset: 0, size: 1, crc32: 0 },
        stored: { size: 1, crc32: 0, etag: "e", confirmed: true }
      })
      process.stdout.write(`stored ${partNumber}\n`)
    }
  })
)
