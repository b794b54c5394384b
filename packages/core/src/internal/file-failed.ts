import { codeOf } from "../platform/durable-files.ts"
import { invalidRequest, isUploadError, type UploadError, uploadError } from "../UploadError.ts"

const advice: Readonly<Record<string, string>> = {
  ENOENT: "its directory is not there; make it first",
  ENOTDIR: "part of the path is a file; choose another directory",
  EISDIR: "a directory has that name; choose another",
  EACCES: "this user may not write there; check the owner and permissions",
  EPERM: "this user may not write there; check the owner and permissions",
  EROFS: "its file system is read-only; choose another directory",
  ENAMETOOLONG: "its name is too long; choose a shorter one"
}

/** Where there is no more room for the file. */
const full: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "it is larger than its file system, or this user's limit (ulimit -f), allows"
}

/** Whether the disk has no more room for the file. */
export const isDiskFull = ({ cause }: UploadError): boolean => full[codeOf(cause) ?? ""] !== undefined

/** What the runtime's files throw while a file is written, as an error that says what to do. */
export const fileFailed = (path: string, cause: unknown): UploadError => {
  if (isUploadError(cause)) return cause
  const code = codeOf(cause) ?? ""
  const known = advice[code]
  if (known !== undefined) return invalidRequest(`cannot write the file "${path}": ${known}`)
  const room = full[code]
  const why =
    room !== undefined
      ? `${room}; make room and download it again, nothing of it is left there`
      : cause instanceof Error
        ? cause.message
        : String(cause)
  return uploadError(
    { _tag: "JournalFailed", message: `cannot write the file "${path}": ${why}`, cause },
    { cause, retry: "permanent" }
  )
}
