import type { ExchangeResponse } from "../platform/exchange.ts"
import type { SdkError } from "./from-sdk-error.ts"
import { textOf, type XmlElement } from "./read-xml.ts"

/**
 * An answer that is no success, with what it says of itself: in the shape of client-s3's errors, so that one
 * classification reads both. A document with another root than `Error` says nothing.
 */
export class StoreRefusal extends Error implements SdkError {
  readonly Code: string | undefined
  readonly Region: string | undefined
  readonly Endpoint: string | undefined
  readonly ServerTime: string | undefined
  readonly $metadata: { readonly httpStatusCode: number; readonly requestId: string | undefined }
  readonly $response: { readonly headers: Readonly<Record<string, string>> }

  constructor({ statusCode, headers, reason }: ExchangeResponse, root: XmlElement | undefined) {
    const told = root?.name === "Error" ? root : undefined
    super(textOf(told, "Message") ?? reason ?? "")
    this.Code = textOf(told, "Code")
    this.Region = textOf(told, "Region")
    this.Endpoint = textOf(told, "Endpoint")
    this.ServerTime = textOf(told, "ServerTime")
    this.$metadata = {
      httpStatusCode: statusCode,
      requestId: headers["x-amz-request-id"] ?? textOf(told, "RequestId")
    }
    this.$response = { headers }
  }
}
