/**
 * What a doctor found, and what to do about it.
 *
 * @module
 */

/** What is looked at, in the order in which it is told. */
export type Check =
  | "reach"
  | "clock"
  | "list"
  | "list-uploads"
  | "put"
  | "head"
  | "get"
  | "checksum"
  | "encryption"
  | "multipart"
  | "abort"
  | "delete"
  | "cors"
  | "lifecycle"
  | "versioning"

/** `note`: neither right nor wrong, or could not be seen. */
export type Status = "ok" | "wrong" | "note"

export interface Finding {
  readonly check: Check
  readonly status: Status
  /** One sentence. */
  readonly message: string
  /** Commands or documents, each as it is to be run or pasted; where something is wrong. */
  readonly fix: ReadonlyArray<string>
}

export const ok = (check: Check, message: string): Finding => ({ check, status: "ok", message, fix: [] })
export const note = (check: Check, message: string): Finding => ({ check, status: "note", message, fix: [] })
export const wrong = (check: Check, message: string, ...fix: ReadonlyArray<string>): Finding => ({
  check,
  status: "wrong",
  message,
  fix
})

const marks: Readonly<Record<Status, string>> = { ok: "ok   ", wrong: "WRONG", note: "note " }

/** For people: a line, and the fixes below it. */
export const linesOf = ({ check, fix, message, status }: Finding): ReadonlyArray<string> => [
  `${marks[status]} ${check.padEnd(13)}${message}`,
  ...fix.flatMap((text) => text.split("\n").map((line) => `      ${line}`))
]
