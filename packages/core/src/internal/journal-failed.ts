import { codeOf } from "../platform/durable-files.ts"
import { type UploadError, uploadError } from "../UploadError.ts"

/** What may be another way in a moment. */
const passing: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EIO", "EMFILE", "ENFILE", "EAGAIN", "EBUSY"])

const advice: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on its disk; make room",
  EDQUOT: "its disk quota is used up; make room",
  EIO: "its disk fails; look into the system's log",
  EMFILE: "this process has too many files open; raise the limit (ulimit -n)",
  ENFILE: "this machine has too many files open",
  EACCES: "this user may not use it; check its owner and permissions",
  EROFS: "its file system is read-only; choose another directory",
  ENOTDIR: "part of the path is a file; choose another directory",
  EEXIST: "it is a file; choose another directory"
}

const syscallOf = (cause: unknown): unknown =>
  cause instanceof Error && "syscall" in cause ? cause.syscall : undefined

/** What the runtime's files throw, as `JournalFailed` that names the path and says what to do. */
export const journalFailed = (path: string, cause: unknown): UploadError => {
  const code = codeOf(cause) ?? ""
  const why =
    advice[code] ??
    (syscallOf(cause) === "link"
      ? `its file system has no hard links (${code}); choose a directory on a local disk`
      : cause instanceof Error
        ? cause.message
        : String(cause))
  return uploadError(
    { _tag: "JournalFailed", message: `the journal at "${path}" cannot be used: ${why}`, cause },
    { cause, retry: passing.has(code) ? "temporary" : "permanent" }
  )
}
