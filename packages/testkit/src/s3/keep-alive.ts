import type { ServerResponse } from "node:http"
import type { S3Response } from "./message.ts"

const declaration = /^<\?xml[^>]*\?>\s*/

/**
 * S3 answers a Complete that takes long with 200 and the beginning of a document, then with whitespace, so that the
 * connection lives; the outcome, also a refusal, follows in the body (API reference, CompleteMultipartUpload).
 */
export async function keepAlive(
  answer: Promise<S3Response>,
  outgoing: ServerResponse,
  everyMillis: number
): Promise<S3Response> {
  const timer = setInterval(() => {
    if (outgoing.headersSent) return void outgoing.write(" ")
    outgoing.writeHead(200, { "content-type": "application/xml" })
    outgoing.write('<?xml version="1.0" encoding="UTF-8"?>\n')
  }, everyMillis)
  try {
    const response = await answer
    if (!outgoing.headersSent) return response
    const { body = "" } = response
    return { status: 200, headers: {}, body: typeof body === "string" ? body.replace(declaration, "") : body }
  } finally {
    clearInterval(timer)
  }
}
