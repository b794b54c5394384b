/** What the store makes of answers, right and wrong, from a server that says what it is told. */
import assert from "node:assert/strict"
import type { ServerResponse } from "node:http"
import { crc32 } from "@sluice/core/Checksum"
import type { ObjectStoreApi } from "@sluice/core/ObjectStore"
import type { ReasonTag, UploadError } from "@sluice/core/UploadError"
import * as Effect from "effect/Effect"
import { secretsScanner } from "../../canary.ts"
import { actor } from "./loopback.ts"
import { bodyOf, bytesOf, checksumOf, failureOf, MiB, type StoreCheck, type StoreUnderTest } from "./StoreUnderTest.ts"

interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const xml = '<?xml version="1.0" encoding="UTF-8"?>\n'
const page = "<html><body>Welcome to the hotel. Please sign in.</body></html>"
const errorXml = (code: string): string =>
  `${xml}<Error><Code>${code}</Code><Message>as told</Message><RequestId>R1</RequestId><HostId>h</HostId></Error>`
const error = (status: number, code: string, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { "content-type": "application/xml", ...headers },
  body: errorXml(code)
})
const html = (status: number): Answer => ({ status, headers: { "content-type": "text/html" }, body: page })

const give =
  ({ status = 200, headers = {}, body = "" }: Answer) =>
  (response: ServerResponse): void => {
    response.writeHead(status, { "x-amz-request-id": "R1", ...headers }).end(body)
  }

// Nothing of it is stored, and a worker has no randomness while its modules load.
const key = "conformance/answers"
const bytes = new Uint8Array(1_000).fill(7)
const put = { body: bodyOf(bytes), crc32: crc32(bytes), attempt: 1 }
const at = { key, uploadId: "upload" }
const calls = {
  create: (store) => store.createMultipartUpload({ key, checksum: checksumOf(store) }),
  part: (store) => store.uploadPart({ ...at, ...put, partNumber: 1 }),
  complete: (store) =>
    store.completeMultipartUpload({
      ...at,
      parts: [{ partNumber: 1, etag: "0".repeat(32), crc32: put.crc32 }],
      checksum: checksumOf(store),
      crc32: put.crc32,
      size: bytes.length
    }),
  abort: (store) => store.abortMultipartUpload(at),
  parts: (store) => store.listParts({ ...at, after: 3 }),
  uploads: (store) => store.listMultipartUploads({ prefix: key, after: { key, uploadId: "upload" } }),
  objects: (store) => store.listObjects?.({ prefix: key, after: "token" }) ?? Effect.die("the store cannot list"),
  versions: (store) =>
    store.listObjectVersions?.({ prefix: key, after: { key, versionId: "v1" } }) ?? Effect.die("the store cannot list"),
  put: (store) => store.putObject({ key, ...put }),
  head: (store) => store.headObject({ key }),
  get: (store) => store.getObject({ key }),
  delete: (store) => store.deleteObject({ key }),
  bucket: (store) => store.headBucket()
} satisfies Record<string, (store: ObjectStoreApi) => Effect.Effect<unknown, UploadError>>

/** How a call to a server with one answer fails: after one request, in words that tell no signature. */
const failing = Effect.fnUntraced(function* (under: StoreUnderTest, call: keyof typeof calls, answer: Answer) {
  const server = yield* actor(give(answer))
  const store = yield* under.open(server.endpoint)
  const failure = yield* failureOf<unknown>(calls[call](store))
  assert.equal(server.asked.length, 1, "one call is one attempt")
  const signature = /Signature=(\w+)/.exec(server.asked[0]?.headers.authorization ?? "")?.[1]
  secretsScanner({ signature }).assertNone(failure, "the error")
  return failure
})

/** Reasons after which the engine looks whether Complete was applied. */
const maybeApplied: ReadonlyArray<ReasonTag> = ["InvalidResponse", "Unavailable", "Stalled"]

type Row = readonly [call: keyof typeof calls, answer: Answer, reason: ReasonTag | ReadonlyArray<ReasonTag>]

const table = (rows: ReadonlyArray<Row>): StoreCheck =>
  Effect.fnUntraced(function* (_, under) {
    for (const [call, answer, reason] of rows) {
      const failure = yield* Effect.scoped(failing(under, call, answer))
      const told = `${call} answered ${JSON.stringify(answer)}: ${failure.message}`
      assert.ok([reason].flat().includes(failure.reason._tag), told)
    }
  })

const answered = (body: string): Answer => ({ headers: { "content-type": "application/xml" }, body: xml + body })

export const answers: Readonly<Record<string, StoreCheck>> = {
  "an answer counts only in the shape that it must have": table([
    ["create", html(200), "InvalidResponse"],
    ["create", { body: "" }, "InvalidResponse"],
    [
      "create",
      answered("<InitiateMultipartUploadResult><Key>a</Key></InitiateMultipartUploadResult>"),
      "InvalidResponse"
    ],
    ["part", {}, "InvalidResponse"],
    ["part", html(200), "InvalidResponse"],
    ["put", html(200), "InvalidResponse"],
    ["complete", { body: "" }, maybeApplied],
    ["complete", { body: " \n  \n" }, maybeApplied],
    ["complete", answered("<CompleteMultipartUploadResult><ETag>&quot;0a"), maybeApplied],
    ["complete", html(200), maybeApplied],
    ["parts", html(200), "InvalidResponse"],
    ["uploads", html(200), "InvalidResponse"],
    ["objects", html(200), "InvalidResponse"],
    ["versions", html(200), "InvalidResponse"]
  ]),

  "a 200 to Complete that holds an error is that error, whatever stands around it": table(
    [(text: string) => text, (text: string) => `${text}\n`, (text: string) => text.replace("\n", "\n   \n \n")].flatMap(
      (around): ReadonlyArray<Row> => [
        ["complete", { body: around(errorXml("InternalError")) }, "Unavailable"],
        ["complete", { body: around(errorXml("SlowDown")) }, "Throttled"],
        ["complete", { body: around(errorXml("AccessDenied")) }, "AccessDenied"]
      ]
    )
  ),

  "a list whose marker does not move is not gone through for ever": table([
    [
      "parts",
      answered(
        "<ListPartsResult><Bucket>b</Bucket><Key>a</Key><UploadId>upload</UploadId><IsTruncated>true</IsTruncated><NextPartNumberMarker>3</NextPartNumberMarker></ListPartsResult>"
      ),
      "InvalidResponse"
    ],
    [
      "uploads",
      answered(
        `<ListMultipartUploadsResult><Bucket>b</Bucket><IsTruncated>true</IsTruncated><NextKeyMarker>${key}</NextKeyMarker><NextUploadIdMarker>upload</NextUploadIdMarker></ListMultipartUploadsResult>`
      ),
      "InvalidResponse"
    ],
    [
      "objects",
      answered(
        "<ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated><NextContinuationToken>token</NextContinuationToken></ListBucketResult>"
      ),
      "InvalidResponse"
    ],
    [
      "versions",
      answered(
        `<ListVersionsResult><Name>b</Name><IsTruncated>true</IsTruncated><NextKeyMarker>${key}</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker></ListVersionsResult>`
      ),
      "InvalidResponse"
    ]
  ]),

  "each refusal has its reason": table([
    ["create", error(403, "AccessDenied"), "AccessDenied"],
    ["create", error(404, "NoSuchBucket"), "NoSuchBucket"],
    ["create", error(501, "NotImplemented"), "InvalidRequest"],
    ["part", error(404, "NoSuchUpload"), "NoSuchUpload"],
    ["part", error(400, "BadDigest"), "ChecksumMismatch"],
    ["part", error(400, "IncompleteBody"), "ChecksumMismatch"],
    ["part", error(400, "RequestTimeout"), "Stalled"],
    ["part", error(403, "RequestTimeTooSkewed"), "ClockSkewed"],
    ["part", error(400, "ExpiredToken"), "CredentialsUnavailable"],
    ["part", error(403, "SignatureDoesNotMatch"), "AccessDenied"],
    ["complete", error(400, "InvalidPart"), "PartConflict"],
    ["complete", error(412, "PreconditionFailed"), "PreconditionFailed"],
    ["abort", error(404, "NoSuchUpload"), "NoSuchUpload"],
    ["parts", error(404, "NoSuchUpload"), "NoSuchUpload"],
    ["get", error(404, "NoSuchKey"), "NoSuchKey"],
    ["delete", error(403, "AccessDenied"), "AccessDenied"]
  ]),

  "the store's trouble is temporary": Effect.fnUntraced(function* (_, under) {
    for (const [answer, reason] of [
      [error(500, "InternalError"), "Unavailable"],
      [error(503, "SlowDown"), "Throttled"],
      [error(503, "ServiceUnavailable"), "Throttled"],
      [html(502), "Unavailable"],
      [html(504), "Unavailable"]
    ] as const) {
      for (const call of ["create", "part", "complete", "parts", "put", "abort"] as const) {
        const failure = yield* Effect.scoped(failing(under, call, answer))
        assert.deepEqual([failure.reason._tag, failure.retry], [reason, "temporary"], `${call}: ${failure.message}`)
      }
    }
  }),

  "an answer without a body is read by its status": table([
    ["head", { status: 404 }, "NoSuchKey"],
    ["head", { status: 403 }, "AccessDenied"],
    ["head", { status: 500 }, "Unavailable"],
    ["head", { status: 412 }, "PreconditionFailed"],
    ["bucket", { status: 404 }, "NoSuchBucket"],
    ["bucket", { status: 403 }, "AccessDenied"]
  ]),

  "Retry-After is passed on, in milliseconds": Effect.fnUntraced(function* (_, under) {
    const failure = yield* failing(under, "part", error(503, "SlowDown", { "retry-after": "2" }))
    assert.deepEqual(failure.reason, { _tag: "Throttled", code: "SlowDown", retryAfterMs: 2_000 })
  }),

  "an error says where it happened": Effect.fnUntraced(function* (store, under) {
    const failure = yield* failing(under, "part", error(403, "AccessDenied"))
    const { operation, bucket, uploadId, partNumber, requestId } = failure
    assert.deepEqual(
      { operation, bucket, key: failure.key, uploadId, partNumber, requestId },
      { operation: "UploadPart", bucket: store.bucket, ...at, partNumber: 1, requestId: "R1" }
    )
  }),

  "a refusal that comes while the bytes are still being sent is told, not the broken pipe": Effect.fnUntraced(
    function* (_, under) {
      const refuse = (response: ServerResponse): void => {
        give(error(403, "AccessDenied", { connection: "close" }))(response)
      }
      const server = yield* actor(refuse, true)
      const store = yield* under.open(server.endpoint)
      const large = bytesOf(16 * MiB)
      const failure = yield* failureOf(
        store.uploadPart({ ...at, partNumber: 1, body: bodyOf(large), crc32: crc32(large), attempt: 1 })
      )
      assert.ok(failure.reason._tag === "AccessDenied" || under.hearsEarlyAnswers === false, failure.message)
      assert.ok(failure.reason._tag === "AccessDenied" || failure.retry === "temporary", failure.message)
    }
  ),

  "where nobody listens, the store is Unavailable": Effect.fnUntraced(function* (_, under) {
    const { endpoint } = yield* Effect.scoped(actor(() => undefined))
    const store = yield* under.open(endpoint)
    const failure = yield* failureOf(calls.create(store))
    assert.deepEqual([failure.reason._tag, failure.retry], ["Unavailable", "temporary"])
  })
}
