import { describe, expect, it } from "vitest"
import { RequestJournal } from "./RequestJournal.ts"
import { makeS3Handler } from "./S3Handler.ts"
import { S3Model } from "./S3Model.ts"
import { memoryStore } from "./store/memory-store.ts"

/** No socket in here: requests and their signatures are those of the S3 API reference, on its day. */
const EXAMPLE_DAY = Date.UTC(2013, 4, 24)

async function exampleServer() {
  const model = await S3Model.open(memoryStore())
  await model.createBucket("examplebucket", EXAMPLE_DAY)
  const handler = makeS3Handler({
    model,
    region: "us-east-1",
    credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
    clock: () => EXAMPLE_DAY,
    serverSideEncryption: true,
    idempotentComplete: false,
    journal: new RequestJournal()
  })
  return { model, handler }
}

/** One of the streaming examples: 65 KiB of `a` in chunks of 64 KiB and 1 KiB. */
interface Example {
  readonly headers: Record<string, string>
  readonly seed: string
  readonly chunks: readonly [string, string, string]
  readonly trailer: string
}

const common = {
  host: "s3.amazonaws.com",
  "content-encoding": "aws-chunked",
  "x-amz-date": "20130524T000000Z",
  "x-amz-decoded-content-length": "66560",
  "x-amz-storage-class": "REDUCED_REDUNDANCY"
}

const signedChunks: Example = {
  headers: { ...common, "content-length": "66824", "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" },
  seed: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
  chunks: [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
  ],
  trailer: ""
}

const signedTrailer: Example = {
  headers: {
    ...common,
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "x-amz-trailer": "x-amz-checksum-crc32c"
  },
  seed: "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
  chunks: [
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"
  ],
  trailer:
    "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n"
}

const bodyOf = ({ chunks: [first, second, last], trailer }: Example) =>
  Buffer.from(
    `10000;chunk-signature=${first}\r\n${"a".repeat(65_536)}\r\n400;chunk-signature=${second}\r\n${"a".repeat(1024)}\r\n0;chunk-signature=${last}\r\n${trailer}\r\n`
  )

async function put(example: Example, body: Uint8Array, slice = body.length) {
  const { handler, model } = await exampleServer()
  const signed = Object.keys(example.headers).sort().join(";")
  const response = await handler({
    method: "PUT",
    target: "/examplebucket/chunkObject.txt",
    headers: {
      ...example.headers,
      authorization: `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signed},Signature=${example.seed}`
    },
    body: (async function* () {
      for (let at = 0; at < body.length; at += slice) yield body.subarray(at, at + slice)
    })(),
    signal: new AbortController().signal
  })
  const code = typeof response.body === "string" ? /<Code>(.*)<\/Code>/.exec(response.body)?.[1] : undefined
  return { status: response.status, code, stored: model.bucket("examplebucket").objects.get("chunkObject.txt")?.size }
}

describe.each([
  ["signed chunks", signedChunks],
  ["signed chunks and a signed trailer", signedTrailer]
])("aws-chunked with %s", (_name, example) => {
  const body = bodyOf(example)

  it.each([body.length, 4096, 7, 1])("is decoded and verified however it is sliced (%i bytes)", async (slice) => {
    expect(await put(example, body, slice)).toEqual({ status: 200, code: undefined, stored: 66_560 })
  })

  it("with one bit flipped in the bytes or in a signature is refused and not stored", async () => {
    for (const position of [body.indexOf("aaaa"), 30, body.length - 20]) {
      const forged = Buffer.from(body)
      forged[position] = (forged[position] ?? 0) ^ 1
      const { status, stored } = await put(example, forged)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(stored).toBeUndefined()
    }
    const forged = Buffer.from(body)
    forged[body.indexOf("aaaa")] = 98
    expect(await put(example, forged)).toMatchObject({ status: 403, code: "SignatureDoesNotMatch" })
  })

  it("that ends early anywhere is IncompleteBody", async () => {
    for (const length of [0, 5, 90, 40_000, 65_625, 66_000, body.length - 1]) {
      expect(await put(example, body.subarray(0, length))).toEqual({
        status: 400,
        code: "IncompleteBody",
        stored: undefined
      })
    }
  })
})

describe("a trailer", () => {
  const without = (text: string) => Buffer.from(bodyOf(signedTrailer).toString("latin1").replace(text, ""), "latin1")

  it("that was announced and does not come is MalformedTrailerError", async () => {
    const body = without("x-amz-checksum-crc32c:sOO8/Q==\r\n")
    expect(await put(signedTrailer, body)).toEqual({ status: 400, code: "MalformedTrailerError", stored: undefined })
  })

  it("without its signature is refused", async () => {
    const body = without(/x-amz-trailer-signature.*\r\n/.exec(signedTrailer.trailer)?.[0] ?? "")
    expect(await put(signedTrailer, body)).toEqual({ status: 403, code: "SignatureDoesNotMatch", stored: undefined })
  })
})
