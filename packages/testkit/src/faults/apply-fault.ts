import { Hangup, type S3Response, type S3Stream } from "../s3/message.ts"
import { xmlResponse } from "../s3/respond.ts"
import type { S3Call } from "../s3/S3Call.ts"
import { xmlDocument } from "../s3/Xml.ts"
import { flipByte, stopAfter, streamOf } from "./bytes.ts"
import type { FaultRule } from "./FaultRule.ts"

type Next = (call: S3Call) => Promise<S3Response>

/** Does to a request what a rule says. */
export async function applyFault({ action, match }: FaultRule, call: S3Call, next: Next): Promise<S3Response> {
  const instead = async (answer: S3Response): Promise<S3Response> => {
    if (match?.phase === "after") await discard(await next(call))
    return answer
  }
  switch (action.type) {
    case "status":
      return instead(
        xmlResponse(
          action.status,
          "Error",
          { Code: action.code, Message: "A fault, injected." },
          action.retryAfter === undefined ? {} : { "retry-after": `${action.retryAfter}` }
        )
      )
    case "ok200WithError":
      return instead(lateError(action))
    case "html200":
      return instead({
        status: 200,
        headers: { "content-type": "text/html" },
        body: "<!doctype html><html><head><title>Sign in</title></head><body>Welcome to the café's network.</body></html>"
      })
    case "emptyBody":
      return instead({ status: 200, headers: {}, body: "" })
    case "dropBeforeCommit":
      for await (const _ of call.body);
      throw new Hangup("close")
    case "dropAfterCommit":
      await discard(await next(call))
      throw new Hangup("close")
    case "reset":
      return throughBytes(call, next, (bytes) =>
        stopAfter(bytes, action.afterBytes, async () => {
          throw new Hangup("reset")
        })
      )
    case "stall":
      return throughBytes(call, next, (bytes) => stopAfter(bytes, action.afterBytes, () => untilGone(call.signal)))
    case "corrupt":
      return throughBytes(call, next, (bytes) => flipByte(bytes, action.byte))
    case "wrongETag":
      return withWrongETag(await next(call))
    case "ignoreSse":
      return next({ ...call, headers: withoutEncryption(call.headers) })
  }
}

/** Runs the object's bytes through `change`: the request's, or the answer's where the client reads. */
async function throughBytes(
  call: S3Call,
  next: Next,
  change: (bytes: AsyncIterable<Uint8Array>) => S3Stream
): Promise<S3Response> {
  if (call.op === "GetObject") {
    const response = await next(call)
    if (response.body === undefined || typeof response.body === "string") return response
    return { ...response, body: change(response.body) }
  }
  if (hasBody(call)) return next({ ...call, body: change(call.body) })
  // The operation would not look at a body that is not there: its end is now.
  for await (const _ of change(call.body));
  return next(call)
}

const hasBody = ({ headers }: S3Call): boolean =>
  Number(headers["x-amz-decoded-content-length"] ?? headers["content-length"] ?? 0) > 0

async function untilGone(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))
  throw new Hangup("close")
}

/** Lets go of an answer nobody will send. */
async function discard({ body }: S3Response): Promise<void> {
  if (typeof body === "object") await body.return?.()
}

/** S3 sends the status and the XML declaration at once, spaces while it works, and only then how it ended. */
function lateError(action: Extract<FaultRule["action"], { type: "ok200WithError" }>): S3Response {
  const document = xmlDocument("Error", { Code: action.code, Message: "A fault, injected." })
  const text = `${document}${action.trailingNewline === true ? "\n" : ""}`
  const headers = { "content-type": "application/xml" }
  if (action.keepAliveWhitespace !== true) return { status: 200, headers, body: text }
  const [declaration = "", ...rest] = text.split("\n")
  return { status: 200, headers, body: streamOf([`${declaration}\n`, "   ", "   ", rest.join("\n")]) }
}

const WRONG_ETAG = "0".repeat(32)

function withWrongETag(response: S3Response): S3Response {
  const { etag } = response.headers
  const headers = etag === undefined ? response.headers : { ...response.headers, etag: `"${WRONG_ETAG}"` }
  if (typeof response.body !== "string") return { ...response, headers }
  const body = response.body.replace(/(<ETag>(?:&quot;)?)[0-9a-f]{32}/g, `$1${WRONG_ETAG}`)
  return { ...response, headers, body }
}

function withoutEncryption(headers: S3Call["headers"]): S3Call["headers"] {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !name.startsWith("x-amz-server-side-encryption"))
  )
}
