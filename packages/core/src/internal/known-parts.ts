/**
 * What an earlier run left behind: the journal's receipts and the store's own list.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { JournalApi } from "../Journal.ts"
import type { ListedPart, ListedParts } from "../ObjectStore.ts"
import type { PartReceipt } from "../Part.ts"
import { createHash } from "../platform/hash.ts"
import type { UploadError } from "../UploadError.ts"
import type { FilledPart } from "./fill-part.ts"
import { reconcilePart, type Verdict } from "./reconcile-part.ts"
import { attempting, type SessionRun, type UploadRun } from "./upload-run.ts"

/** Parts of an earlier run, by number. */
export interface KnownParts {
  readonly journalled: ReadonlyMap<number, PartReceipt>
  /** All pages of ListParts: the truth about the store. */
  readonly listed: ReadonlyMap<number, ListedPart>
  /** Highest part number that is known at all; 0 for none. */
  readonly last: number
}

/** Every receipt of a session, page by page. */
export const allReceipts = Effect.fnUntraced(function* (
  journal: JournalApi,
  sessionId: string
): Effect.fn.Return<ReadonlyMap<number, PartReceipt>, UploadError> {
  const all = new Map<number, PartReceipt>()
  let after = 0
  while (true) {
    const page = yield* journal.receipts(sessionId, { after })
    for (const receipt of page) all.set(receipt.partNumber, receipt)
    const last = page.at(-1)
    if (last === undefined) return all
    after = last.partNumber
  }
})

/** Every part that the store has, page by page; fails with `NoSuchUpload` when the upload is gone. */
export const allListed = Effect.fnUntraced(function* (
  run: SessionRun,
  uploadId: string
): Effect.fn.Return<{ readonly parts: ReadonlyMap<number, ListedPart>; readonly first: ListedParts }, UploadError> {
  const all = new Map<number, ListedPart>()
  const page = (after: number | undefined): Effect.Effect<ListedParts, UploadError> =>
    attempting(run, { operation: "ListParts" }, (_, touch) =>
      run.store.listParts({ key: run.session().key, uploadId, after, onActivity: touch })
    )
  const first = yield* page(undefined)
  let current = first
  while (true) {
    for (const part of current.parts) all.set(part.partNumber, part)
    if (current.next === undefined) return { parts: all, first }
    current = yield* page(current.next)
  }
})

export const knownParts = Effect.fnUntraced(function* (
  run: UploadRun,
  uploadId: string
): Effect.fn.Return<KnownParts, UploadError> {
  const { parts: listed } = yield* allListed(run, uploadId)
  const journalled = yield* allReceipts(run.journal, run.session().sessionId)
  return { journalled, listed, last: Math.max(0, ...journalled.keys()) }
})

const md5Of = (slices: ReadonlyArray<Uint8Array>): string | undefined => {
  const hash = createHash("md5")
  for (const slice of slices) hash?.update(slice)
  return hash?.digest("hex")
}

/** What a `part` hook made of the bytes, and a checksum other than CRC32 for Complete, are known by the journal alone. */
const onlyJournalled = ({ hooks, packaged }: UploadRun): boolean => hooks.part.length > 0 || packaged !== undefined

/** Whether a part that was just read is in the store already. */
export const recognise = (
  run: UploadRun,
  known: KnownParts,
  partNumber: number,
  offset: number,
  part: FilledPart
): Verdict =>
  reconcilePart({
    journalled: known.journalled.get(partNumber),
    listed: onlyJournalled(run) && !known.journalled.has(partNumber) ? undefined : known.listed.get(partNumber),
    source: { offset, size: part.size, crc32: part.crc32 },
    // A part that is not in memory would have to be read once more: it is sent again instead.
    md5: () => (run.store.capabilities.etag === "md5" && part.open === undefined ? md5Of(part.slices) : undefined)
  })
