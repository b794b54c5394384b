import { constants } from "node:fs"
import { access, mkdir } from "node:fs/promises"
import * as FileJournal from "@sluice/core/FileJournal"
import type { JournalApi } from "@sluice/core/Journal"
import * as Effect from "effect/Effect"

const advice: Readonly<Record<string, string>> = {
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "its file system is read-only",
  EEXIST: "it is a file",
  ENOTDIR: "part of the path is a file",
  ENOSPC: "no space is left on its disk"
}

/** The journal in a directory, which is made where there is none; rejects with a sentence where it cannot be used. */
export const openJournal = async (directory: string): Promise<JournalApi> => {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK)
    return await Effect.runPromise(FileJournal.make(directory))
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
    const why = advice[code] ?? (cause instanceof Error ? cause.message : String(cause))
    throw new Error(
      `uploads cannot be kept in "${directory}": ${why}; mend that, name another directory with --journal or SLUICE_JOURNAL, or upload with --no-resume`,
      { cause }
    )
  }
}
