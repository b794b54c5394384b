import type { S3Response } from "./message.ts"
import type { S3Call } from "./S3Call.ts"

type Subject = Pick<S3Call, "op" | "bucket" | "key" | "uploadId" | "partNumber">

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** One authenticated request as the server saw it. Names only: no headers, no bodies, no signatures. */
export interface JournalEntry extends Subject {
  /** 1 for the first request of this operation on this bucket, key, upload and part, and so on. */
  readonly attempt: number
  /** `undefined` while it runs, `"dropped"` when the connection ended without an answer. */
  readonly status: number | "dropped" | undefined
}

/** The latest requests, oldest first. Beyond the limit the oldest fall out, their attempt counts with them. */
export class RequestJournal {
  readonly #limit: number
  readonly #entries: Array<JournalEntry> = []
  readonly #attempts = new Map<string, number>()

  constructor(limit = 20_000) {
    this.#limit = limit
  }

  get entries(): ReadonlyArray<JournalEntry> {
    return this.#entries
  }

  /** Writes a request down, runs it, and notes how it ended. */
  async record(subject: Subject, run: (attempt: number) => Promise<S3Response>): Promise<S3Response> {
    const { op, bucket, key, uploadId, partNumber } = subject
    const attempt = (this.#attempts.get(identity(subject)) ?? 0) + 1
    this.#attempts.set(identity(subject), attempt)
    const entry: Mutable<JournalEntry> = { op, bucket, key, uploadId, partNumber, attempt, status: undefined }
    this.#entries.push(entry)
    this.#trim()
    try {
      const response = await run(attempt)
      entry.status = response.status
      return response
    } catch (error) {
      entry.status = "dropped"
      throw error
    }
  }

  #trim(): void {
    const oldest = this.#entries.length > this.#limit ? this.#entries.shift() : undefined
    if (oldest === undefined) return
    const name = identity(oldest)
    if (this.#attempts.get(name) === oldest.attempt) this.#attempts.delete(name)
  }
}

const identity = ({ op, bucket, key, uploadId, partNumber }: Subject): string =>
  JSON.stringify([op, bucket, key, uploadId, partNumber])
