import type { S3Response } from "./message.ts"
import type { S3Error } from "./S3Error.ts"
import { type XmlFields, xmlDocument } from "./Xml.ts"

type Headers = Readonly<Record<string, string>>

/** 200 without a body. */
export const ok = (headers: Headers): S3Response => ({ status: 200, headers })

/** 200 with an XML document. */
export const okXml = (root: string, content: XmlFields | string, headers: Headers = {}): S3Response =>
  xmlResponse(200, root, content, headers)

export function errorResponse(error: S3Error, resource: string, requestId: string): S3Response {
  if (error.code === "NotModified") return { status: 304, headers: error.headers }
  const size = error.code === "InvalidRange" ? error.details["ActualObjectSize"] : undefined
  return xmlResponse(
    error.status,
    "Error",
    {
      Code: error.code,
      Message: error.message,
      ...error.details,
      Resource: resource,
      RequestId: requestId,
      HostId: "sluice"
    },
    { ...error.headers, ...(size === undefined ? {} : { "content-range": `bytes */${size}` }) }
  )
}

export const xmlResponse = (
  status: number,
  root: string,
  content: XmlFields | string,
  headers: Headers
): S3Response => ({
  status,
  headers: { ...headers, "content-type": "application/xml" },
  body: xmlDocument(root, content)
})

export const quote = (etag: string): string => `"${etag}"`
