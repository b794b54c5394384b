import { ACCELERATE_DOMAINS, assertAccelerated } from "./accelerate.ts"
import { authorize } from "./auth/authorize.ts"
import { Sessions } from "./auth/Sessions.ts"
import { type Authority, authenticate } from "./auth/SigV4.ts"
import { corsHeaders, preflight } from "./cors.ts"
import { decodeBody } from "./decode-body.ts"
import { assertExpectedOwner } from "./expected-owner.ts"
import { Hangup, type S3Request, type S3Response } from "./message.ts"
import { operationOf } from "./Operation.ts"
import { operations } from "./operations/index.ts"
import type { Profile } from "./profiles/Profile.ts"
import type { RequestJournal } from "./RequestJournal.ts"
import { requesterCharge } from "./requester-pays.ts"
import { errorResponse } from "./respond.ts"
import type { Middleware, S3Call } from "./S3Call.ts"
import type { S3Context } from "./S3Context.ts"
import { S3Error } from "./S3Error.ts"
import { bucketOfHost, parseTarget, type Target } from "./Target.ts"

export interface S3HandlerOptions extends S3Context, Authority {
  readonly journal: RequestJournal
  readonly middleware?: Middleware | undefined
  /** Whose ways the handler takes on; strict S3 if absent. */
  readonly profile?: Profile | undefined
  /** A Host of the form `<bucket>.<domain>` addresses a bucket. Default `localhost` and `s3.localhost`. */
  readonly domains?: ReadonlyArray<string>
}

export const DEFAULT_DOMAINS: ReadonlyArray<string> = ["localhost", "s3.localhost"]

/** One request, one answer. */
export type S3Handler = (request: S3Request) => Promise<S3Response>

/**
 * S3 without a socket: a request in, a response out, bodies streaming both ways. Every refusal and failure is a
 * response; it rejects only when no answer may or can be given: a `Hangup`, or the request's signal aborted.
 *
 * It has no timer and no clock but the one it is given, so it also runs under virtual time.
 *
 * @example
 * const model = await S3Model.open(memoryStore())
 * await model.createBucket("media", 0)
 * const handler = makeS3Handler({
 *   model,
 *   journal: new RequestJournal(),
 *   region: "us-east-1",
 *   credentials: { accessKeyId: "sluice", secretAccessKey: "sluicesecret" },
 *   clock: () => 0,
 *   serverSideEncryption: true,
 *   idempotentComplete: false
 * })
 */
export function makeS3Handler(options: S3HandlerOptions): S3Handler {
  const { journal, clock, profile, bucketRegions = {}, domains = DEFAULT_DOMAINS } = options
  const { middleware = (call, next) => next(call) } = options
  const sessions = new Sessions()
  const context: S3Context = { ...options, sessions }
  const authority: Authority = {
    ...options,
    get principals() {
      return [...(options.principals ?? []), ...sessions.principals]
    }
  }
  const quirks = (profile?.quirks ?? []).map((quirk) => quirk(options))
  let requests = 0

  /** The operation, with the profile's ways around it, the first one outermost. */
  const operate = quirks.reduceRight<(call: S3Call) => Promise<S3Response>>(
    (next, quirk) => async (call) => quirk(call, next),
    async (call) => {
      assertExpectedOwner(call, context)
      return operations[call.op](call, { ...context, region: bucketRegions[call.bucket] ?? options.region })
    }
  )

  return async (request) => {
    const requestId = (++requests).toString(16).toUpperCase().padStart(16, "0")
    const refuse = (error: unknown): S3Response => {
      if (error instanceof Hangup || request.signal.aborted) throw error
      return errorResponse(toS3Error(error), pathOf(request.target), requestId)
    }
    /** Of a request that never became anybody's. */
    const turnAway = (error: unknown): S3Response => {
      const response = refuse(error)
      journal.turnAway(request, pathOf(request.target), toS3Error(error))
      return response
    }
    const perform = (call: S3Call) => operate(call).catch(refuse)
    const answer = async () => {
      const { method, headers } = request
      const target = parseTarget(request.target, bucketOfHost(headers["host"], [...domains, ...ACCELERATE_DOMAINS]))
      if (method === "OPTIONS") return preflight(target.bucket, headers, options.model)
      const response = await answerTo(target).catch(turnAway)
      return {
        ...response,
        headers: { ...corsHeaders(target.bucket, method, headers, options.model), ...response.headers }
      }
    }
    const answerTo = async (target: Target) => {
      const { method, headers, signal } = request
      const { query } = target
      assertAccelerated(headers["host"], options.model)
      const authentication = authenticate({ ...request, target }, authority)
      const { accessKeyId, access } = authentication
      const subject = subjectOf(request, target)
      const decoded = decodeBody(request, authentication)
      return journal.record(
        subject,
        async (attempt, entry) => {
          const body = counted(decoded.body, entry)
          const call: S3Call = { ...subject, attempt, query, headers, ...decoded, body, signal }
          return authorize(call, access)
            .then(async (call) => {
              const charge = requesterCharge(call, access, accessKeyId, options.model)
              const response = await middleware(call, perform)
              return { ...response, headers: { ...charge, ...response.headers } }
            })
            .catch(refuse)
        },
        { method, query, headers, accessKeyId }
      )
    }
    const response = await answer().catch(turnAway)
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

async function* counted(body: S3Call["body"], entry: { bytesIn: number }): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of body) {
    entry.bytesIn += chunk.length
    yield chunk
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
