/**
 * The checksum that a store is told instead of the CRC32: of a part, and of the whole.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { OtherChecksum } from "../ObjectStore.ts"
import type { PartReceipt } from "../Part.ts"
import type { UploadRun } from "./upload-run.ts"

/** Of a part as it is stored; undefined where CRC32 is told, which is known already. */
export const otherChecksum = (
  { packaged }: UploadRun,
  slices: ReadonlyArray<Uint8Array>
): Effect.Effect<OtherChecksum | undefined> =>
  packaged === undefined
    ? Effect.succeed(undefined)
    : Effect.map(packaged.of(slices), (value) => ({ algorithm: packaged.algorithm, value }))

/** Of the whole object, from its parts in order. */
export const wholeChecksum = (run: UploadRun, receipts: ReadonlyArray<PartReceipt>): OtherChecksum | undefined => {
  const { packaged } = run
  const pieces = receipts.flatMap(({ stored: { checksum, size } }) =>
    checksum === undefined ? [] : [{ checksum, size }]
  )
  // A part of an earlier run that was found without a journal: its CRC32 and ETag say what there is to say.
  if (packaged === undefined || pieces.length < receipts.length) return undefined
  const { algorithm } = packaged
  const value =
    run.session().checksum === "COMPOSITE"
      ? packaged.composite(pieces.map(({ checksum }) => checksum))
      : packaged.combined(pieces)
  return { algorithm, value }
}
