import { Hangup, type S3Response, type S3Stream } from "../s3/message.ts"
import { xmlResponse } from "../s3/respond.ts"
import type { S3Call } from "../s3/S3Call.ts"
import { xmlDocument } from "../s3/Xml.ts"
import {
  discard,
  isEncryption,
  lateError,
  withBody,
  without,
  withWhiteSpace,
  withWrongChecksum,
  withWrongETag
} from "./answers.ts"
import { collect, streamOf } from "./bytes.ts"
import { pause, untilGone } from "./FaultClock.ts"
import type { ByteFault, FaultPhase, RequestFault } from "./FaultRule.ts"
import { delayOf, type FaultTools, shapeBytes } from "./shape-bytes.ts"
import type { Trade } from "./Trade.ts"

type Next = (call: S3Call) => Promise<S3Response>

/** What the rules of one injector share. */
export interface FaultState {
  /** For the requests of one rule that swap their answers. */
  readonly trade: Trade<S3Response>
  readonly expire: (call: S3Call) => void
  readonly skew: (ms: number) => void
}

const xmlType = { "content-type": "application/xml" }

/** Does to a request what a rule says. */
export async function applyFault(
  action: RequestFault | ByteFault,
  phase: FaultPhase | undefined,
  call: S3Call,
  next: Next,
  tools: FaultTools & FaultState
): Promise<S3Response> {
  const instead = async (answer: S3Response): Promise<S3Response> => {
    if (phase === "after" || phase === "response") await discard(await next(call))
    return answer
  }
  switch (action.type) {
    case "status":
      return instead(refusal(action))
    case "ok200WithError":
      return instead(lateError(action))
    case "html200":
      return instead(page(200, "Sign in", "Welcome to the café's network."))
    case "emptyBody":
      return instead({ status: 200, headers: {}, body: "" })
    case "blankBody":
      return instead({ status: 200, headers: xmlType, body: " \n  \n" })
    case "dropBeforeCommit":
      for await (const _ of call.body);
      throw new Hangup("close")
    case "dropAfterCommit":
      await discard(await next(call))
      throw new Hangup("close")
    case "duplicate": {
      const body = await collect(call.body)
      await discard(await next({ ...call, body: piece(body) }))
      return next({ ...call, body: piece(body) })
    }
    case "swap":
      return tools.trade(await next(call), tools.signal)
    case "keepAlive":
      return withWhiteSpace(await next(call), action.blanks, () => pause(tools.clock, action.everyMs, tools.signal))
    case "wrongETag":
      return withWrongETag(await next(call))
    case "wrongChecksum":
      return withWrongChecksum(await next(call))
    case "ignoreSse":
      return next({ ...call, headers: without(call.headers, isEncryption) })
    case "hideSse": {
      const response = await next(call)
      return { ...response, headers: without(response.headers, isEncryption) }
    }
    case "abortUpload":
      await discard(await next({ ...call, op: "AbortMultipartUpload", partNumber: undefined, body: streamOf([]) }))
      return next(call)
    case "expireCredentials":
      tools.expire(call)
      return expired()
    case "clockJump":
      tools.skew(action.ms)
      return next(call)
    case "delay": {
      const wait = () => pause(tools.clock, delayOf(action, tools.random), tools.signal)
      if (phase === "body") return throughBytes(action, phase, call, next, tools)
      if (phase === undefined || phase === "before") return wait().then(() => next(call))
      const response = await next(call)
      await wait()
      return response
    }
    case "hang":
      if (phase === "after" || phase === "response") await discard(await next(call))
      else for await (const _ of call.body);
      return untilGone(tools.signal)
    default:
      return throughBytes(action, phase, call, next, tools)
  }
}

/** Runs the object's bytes through the fault: the request's, or the answer's where the client reads. */
async function throughBytes(
  fault: ByteFault,
  phase: FaultPhase | undefined,
  call: S3Call,
  next: Next,
  tools: FaultTools
): Promise<S3Response> {
  const change = (bytes: AsyncIterable<Uint8Array>, length?: number): S3Stream =>
    shapeBytes(fault, bytes, tools, length)
  if (phase === "response" || phase === "after" || (phase === undefined && call.op === "GetObject")) {
    return withBody(await next(call), change, fault.type === "truncate")
  }
  const length = bodyLength(call)
  if (length > 0) return next({ ...call, body: change(call.body, length) })
  // The operation would not look at a body that is not there: its end is now.
  for await (const _ of change(call.body));
  return next(call)
}

const bodyLength = ({ headers }: S3Call): number =>
  Number(headers["x-amz-decoded-content-length"] ?? headers["content-length"] ?? 0)

async function* piece(bytes: Uint8Array): S3Stream {
  yield bytes
  return undefined
}

function refusal({ status, code, retryAfter, page: html }: Extract<RequestFault, { type: "status" }>): S3Response {
  const headers: Record<string, string> = retryAfter === undefined ? {} : { "retry-after": `${retryAfter}` }
  if (html !== true) return xmlResponse(status, "Error", { Code: code, Message: "A fault, injected." }, headers)
  const answer = page(status, `${status} ${code}`, `<h1>${status} ${code}</h1>`)
  return { ...answer, headers: { ...answer.headers, ...headers } }
}

const page = (status: number, title: string, body: string): S3Response => ({
  status,
  headers: { "content-type": "text/html" },
  body: `<!doctype html><html><head><title>${title}</title></head><body>${body}</body></html>`
})

/** What a request under credentials that have expired hears. */
export const expired = (): S3Response => ({
  status: 400,
  headers: xmlType,
  body: xmlDocument("Error", { Code: "ExpiredToken", Message: "The provided token has expired." })
})
