import type { S3Response, S3Stream } from "./message.ts"
import type { S3Call } from "./S3Call.ts"
import type { S3Error } from "./S3Error.ts"

type Subject = Pick<S3Call, "op" | "bucket" | "key" | "uploadId" | "partNumber">

/** What else is known of a request when it is written down. */
export interface Seen {
  readonly method: string
  readonly query: ReadonlyMap<string, string>
  readonly headers: Readonly<Record<string, string>>
  readonly accessKeyId: string | undefined
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** One authenticated request as the server saw it: no bodies, no signatures, no keys, no tokens. */
export interface JournalEntry extends Subject {
  readonly method: string
  /** Who signed it; undefined for a request that nobody signed. */
  readonly accessKeyId: string | undefined
  /** As sent, with `redacted` in place of every secret. */
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  /** 1 for the first request of this operation on this bucket, key, upload and part, and so on. */
  readonly attempt: number
  /** `undefined` while it runs, `"dropped"` when the connection ended without an answer. */
  readonly status: number | "dropped" | undefined
  /** Of a refusal. */
  readonly code: string | undefined
  /** Bytes of the body that were read so far, without their framing, and of the answer's body. */
  readonly bytesIn: number
  readonly bytesOut: number
}

/** A request that was refused before it was known whose it is or what it wants: a bad signature, say. */
export interface TurnedAway {
  readonly method: string
  /** Without its query. */
  readonly path: string
  readonly status: number
  readonly code: string
  readonly message: string
}

/** Headers and query names that would let a reader act in somebody's name, or read an object. */
const secret =
  /^(authorization|cookie|x-amz-(security-token|s3session-token|signature|credential)|x-amz-(copy-source-)?server-side-encryption-customer-key)$/i

const redact = (entries: Iterable<readonly [string, string]>): Record<string, string> =>
  Object.fromEntries([...entries].map(([name, value]) => [name, secret.test(name) ? "redacted" : value]))

const unseen: Seen = { method: "", query: new Map(), headers: {}, accessKeyId: undefined }

/** The latest requests, oldest first. Beyond the limit the oldest fall out, their attempt counts with them. */
export class RequestJournal {
  readonly #limit: number
  readonly #entries: Array<JournalEntry> = []
  readonly #attempts = new Map<string, number>()
  readonly #running = new Set<JournalEntry>()
  readonly #turnedAway: Array<TurnedAway> = []

  constructor(limit = 20_000) {
    this.#limit = limit
  }

  get entries(): ReadonlyArray<JournalEntry> {
    return this.#entries
  }

  get turnedAway(): ReadonlyArray<TurnedAway> {
    return this.#turnedAway
  }

  turnAway({ method }: { readonly method: string }, path: string, { status, code, message }: S3Error): void {
    this.#turnedAway.push({ method, path, status, code, message })
    if (this.#turnedAway.length > this.#limit) this.#turnedAway.shift()
  }

  /** Requests that are not answered yet, or whose answers are still being read. */
  get running(): ReadonlyArray<JournalEntry> {
    return [...this.#running]
  }

  /** Writes a request down, runs it, and notes how it ended. `entry` counts the bytes of the body. */
  async record(
    subject: Subject,
    run: (attempt: number, entry: { bytesIn: number }) => Promise<S3Response>,
    { method, query, headers, accessKeyId }: Seen = unseen
  ): Promise<S3Response> {
    const { op, bucket, key, uploadId, partNumber } = subject
    const attempt = (this.#attempts.get(identity(subject)) ?? 0) + 1
    this.#attempts.set(identity(subject), attempt)
    const entry: Mutable<JournalEntry> = {
      ...{ op, bucket, key, uploadId, partNumber, attempt, method, accessKeyId },
      ...{ query: redact(query), headers: redact(Object.entries(headers)) },
      ...{ status: undefined, code: undefined, bytesIn: 0, bytesOut: 0 }
    }
    this.#entries.push(entry)
    this.#running.add(entry)
    this.#trim()
    try {
      const response = await run(attempt, entry)
      entry.status = response.status
      return this.#watched(response, entry)
    } catch (error) {
      entry.status = "dropped"
      this.#running.delete(entry)
      throw error
    }
  }

  #watched(response: S3Response, entry: Mutable<JournalEntry>): S3Response {
    const { body } = response
    if (body === undefined || typeof body === "string") {
      entry.bytesOut = Buffer.byteLength(body ?? "")
      entry.code = body === undefined ? undefined : /<Error><Code>(\w+)/.exec(body)?.[1]
      this.#running.delete(entry)
      return response
    }
    return { ...response, body: this.#counted(body, entry) }
  }

  #counted(body: S3Stream, entry: Mutable<JournalEntry>): S3Stream {
    const ended = () => this.#running.delete(entry)
    return {
      next: async () => {
        try {
          const result = await body.next()
          if (result.done === true) ended()
          else entry.bytesOut += result.value.length
          return result
        } catch (error) {
          ended()
          throw error
        }
      },
      return: async () => {
        ended()
        await body.return?.(undefined)
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]() {
        return this
      }
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
