import { Bucket } from "@sluice/core/Bucket"
import { ObjectStore } from "@sluice/core/ObjectStore"
import * as Effect from "effect/Effect"
import { examineCors } from "./examine-cors.ts"
import {
  examineClock,
  examineLifecycle,
  examineList,
  examineListUploads,
  examineReach,
  examineVersioning
} from "./examine-settings.ts"
import { examineUpload } from "./examine-upload.ts"
import type { Finding } from "./Finding.ts"

export interface ExamineOptions {
  /** Nothing is written. */
  readonly readOnly: boolean
  /** Whose pages upload. */
  readonly origin: string | undefined
  /** Told each finding as it is made. */
  readonly report: (finding: Finding) => void
}

/** Looks at a bucket from end to end. Never fails: what goes wrong is a finding. */
export const examine = Effect.fnUntraced(function* ({
  origin,
  readOnly,
  report
}: ExamineOptions): Effect.fn.Return<void, never, ObjectStore | Bucket> {
  const examination = { store: yield* ObjectStore, bucket: yield* Bucket, report }
  const { status } = yield* examineReach(examination)
  yield* examineClock(examination)
  // The rest would only say so again, with advice that does not help.
  if (status === "wrong") return
  yield* examineListUploads(examination)
  if (readOnly) yield* examineList(examination)
  else yield* examineUpload(examination)
  yield* examineCors(examination, origin)
  yield* examineLifecycle(examination)
  yield* examineVersioning(examination)
})
