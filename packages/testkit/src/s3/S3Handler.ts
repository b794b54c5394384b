import { type Authority, authenticate } from "./auth/SigV4.ts"
import { decodeBody } from "./decode-body.ts"
import { Hangup, type S3Request, type S3Response } from "./message.ts"
import { operationOf } from "./Operation.ts"
import { operations } from "./operations/index.ts"
import type { RequestJournal } from "./RequestJournal.ts"
import { errorResponse } from "./respond.ts"
import type { Middleware, S3Call } from "./S3Call.ts"
import type { S3Context } from "./S3Context.ts"
import { S3Error } from "./S3Error.ts"
import { parseTarget, type Target } from "./Target.ts"

export interface S3HandlerOptions extends S3Context, Authority {
  readonly journal: RequestJournal
  readonly middleware?: Middleware | undefined
}

export type S3Handler = (request: S3Request) => Promise<S3Response>

/**
 * S3 without a socket: a request in, a response out, bodies streaming both ways. Every refusal and failure is a
 * response; it rejects only when no answer may or can be given: a `Hangup`, or the request's signal aborted.
 */
export function makeS3Handler(options: S3HandlerOptions): S3Handler {
  const { journal, clock, middleware = (call, next) => next(call) } = options
  let requests = 0

  return async (request) => {
    const requestId = (++requests).toString(16).toUpperCase().padStart(16, "0")
    const refuse = (error: unknown): S3Response => {
      if (error instanceof Hangup || request.signal.aborted) throw error
      return errorResponse(toS3Error(error), pathOf(request.target), requestId)
    }
    const perform = (call: S3Call) => operations[call.op](call, options).catch(refuse)
    const answer = async () => {
      const target = parseTarget(request.target)
      const authentication = authenticate({ ...request, target }, options)
      const subject = subjectOf(request, target)
      const body = decodeBody(request, authentication)
      const { headers, signal } = request
      return journal.record(subject, (attempt) =>
        middleware({ ...subject, attempt, query: target.query, headers, ...body, signal }, perform).catch(refuse)
      )
    }
    const response = await answer().catch(refuse)
    return {
      ...response,
      headers: {
        "x-amz-request-id": requestId,
        "x-amz-id-2": "sluice",
        date: new Date(clock()).toUTCString(),
        ...response.headers
      }
    }
  }
}

function toS3Error(error: unknown): S3Error {
  return error instanceof S3Error ? error : new S3Error("InternalError", `The store failed: ${String(error)}`)
}

function subjectOf({ method, headers }: S3Request, { bucket, key, query }: Target) {
  const resource = bucket === undefined ? "service" : key === undefined ? "bucket" : "object"
  const partNumber = query.get("partNumber")
  return {
    op: operationOf(method, resource, query, headers["x-amz-copy-source"] !== undefined),
    bucket: bucket ?? "",
    key: key ?? "",
    uploadId: query.get("uploadId"),
    partNumber: partNumber === undefined ? undefined : /^\d{1,9}$/.test(partNumber) ? Number(partNumber) : 0
  }
}

/** The query stays out of error answers: it may carry a presigned signature. */
const pathOf = (target: string): string => target.replace(/\?.*$/s, "")
