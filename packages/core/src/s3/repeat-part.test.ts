import { UploadPartCommand } from "@aws-sdk/client-s3"
import { describe, expect, it } from "vitest"
import type { ExchangeRequest, ExchangeResponse, Transport } from "../platform/exchange.ts"
import { makeClient } from "./make-client.ts"
import type { Written } from "./Operations.ts"
import { makeRepeatPart } from "./repeat-part.ts"
import { StoreCall } from "./StoreCall.ts"
import { carrying } from "./sdk-call.ts"

const stored: ExchangeResponse = {
  statusCode: 200,
  reason: "OK",
  headers: { etag: '"d41d8cd98f00b204e9800998ecf8427e"', "x-amz-checksum-crc32": "AAAAAA==" },
  body: new Uint8Array(0)
}

const refused: ExchangeResponse = {
  statusCode: 503,
  reason: "Slow Down",
  headers: { "content-type": "application/xml", "x-amz-request-id": "R1" },
  body: new TextEncoder().encode("<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>")
}

/** A client over a transport that answers in turn, and what was sent through it. */
const start = (answers: ReadonlyArray<ExchangeResponse | Error>, key = "a b/ü!'()*+.bin") => {
  const sent: Array<ExchangeRequest> = []
  const transport: Transport = {
    exchange: async (request) => {
      const answer = answers[sent.push(request) - 1] ?? stored
      if (answer instanceof Error) throw answer
      // The SDK puts a stream of its own in the place of a body that it reads.
      return { ...answer }
    },
    close: () => {}
  }
  const client = makeClient(
    {
      bucket: "media",
      region: "eu-west-1",
      credentials: { accessKeyId: "a", secretAccessKey: "s", sessionToken: "t" }
    },
    false,
    transport
  )
  const repeatPart = makeRepeatPart(client, transport, 1_000)
  const send = (partNumber: number, attempt = 1): Promise<Written> => {
    const uploadId = "2~id+/="
    const call = new StoreCall({
      signal: new AbortController().signal,
      payload: { slices: [Uint8Array.of(1, 2, 3)], size: 3 },
      payloadHeaders: { "content-length": "3", "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
      freshConnection: attempt > 1
    })
    const place = { key, uploadId, partNumber, headers: { "x-amz-checksum-crc32": "VbyAng==" } }
    return repeatPart(place, call, () =>
      client.send(
        new UploadPartCommand(
          carrying(
            { Bucket: "media", Key: key, UploadId: uploadId, PartNumber: partNumber, ChecksumCRC32: "VbyAng==" },
            call
          )
        )
      )
    )
  }
  return { sent, send }
}

/** The SDK numbers its invocations; copies do not. */
const bySdk = (request: ExchangeRequest | undefined): boolean => "amz-sdk-invocation-id" in (request?.headers ?? {})

const queryOf = (request: ExchangeRequest | undefined) =>
  [...new URL(`http://x${request?.path}`).searchParams].sort(([a], [b]) => (a < b ? -1 : 1))

describe("a part after the first", () => {
  it("is sent as the SDK would have sent it, signed by the same key for the same place", async () => {
    const { sent, send } = start([])
    await send(7)
    expect(await send(7)).toEqual({
      ETag: '"d41d8cd98f00b204e9800998ecf8427e"',
      ChecksumCRC32: "AAAAAA==",
      ServerSideEncryption: undefined
    })
    const [first, second] = sent
    expect([bySdk(first), bySdk(second)]).toEqual([true, false])
    expect(second).toMatchObject({ method: "PUT", protocol: "https:", hostname: first?.hostname, body: first?.body })
    expect(second?.path.split("?")[0]).toBe(first?.path.split("?")[0])
    expect(queryOf(second)).toEqual(queryOf(first))
    const ofTheSdk = ["amz-sdk-invocation-id", "amz-sdk-request", "content-type"]
    const names = Object.keys(first?.headers ?? {}).filter((name) => !ofTheSdk.includes(name))
    expect(Object.keys(second?.headers ?? {}).sort()).toEqual(names.sort())
    expect(second?.headers["authorization"]).toMatch(/Credential=a\/\d{8}\/eu-west-1\/s3\/aws4_request, /)
    expect(second?.headers["x-amz-security-token"]).toBe("t")
  })

  it("carries its own number", async () => {
    const { sent, send } = start([])
    for (const part of [1, 2, 10_000]) await send(part)
    expect(sent.map((request) => queryOf(request)[0])).toEqual(
      [1, 2, 10_000].map((part) => ["partNumber", String(part)])
    )
  })

  it("that is refused is read by the SDK, which sends nothing for it, and sends the next one itself", async () => {
    const { sent, send } = start([stored, refused])
    await send(1)
    await expect(send(2)).rejects.toMatchObject({ name: "SlowDown", $metadata: { httpStatusCode: 503 } })
    expect(sent).toHaveLength(2)
    await send(3)
    await send(4)
    expect(sent.map(bySdk)).toEqual([true, false, true, false])
  })

  it.each([
    ["an error under status 200", new TextEncoder().encode("<Error><Code>InternalError</Code></Error>")],
    ["a page of a proxy", new TextEncoder().encode("<html>welcome</html>")]
  ])("answered with %s is not taken for stored", async (_, body) => {
    const { send } = start([stored, { ...stored, headers: {}, body }])
    await send(1)
    const etag = await send(2).then(
      ({ ETag }) => ETag,
      () => undefined
    )
    expect(etag).toBeUndefined()
  })

  it("whose connection breaks fails with what broke it, and the next one goes through the SDK", async () => {
    const { sent, send } = start([stored, new Error("ECONNRESET")])
    await send(1)
    await expect(send(2)).rejects.toThrow("ECONNRESET")
    await send(3)
    expect(sent.map(bySdk)).toEqual([true, false, true])
  })

  it("that is tried again goes through the SDK", async () => {
    const { sent, send } = start([])
    await send(1)
    await send(2, 2)
    expect(sent.map(bySdk)).toEqual([true, true])
  })
})
