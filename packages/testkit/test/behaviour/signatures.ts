import { ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { describe, expect, it } from "vitest"
import { clientOf, type Suite } from "../s3-behaviour.ts"
import { presign } from "./presign.ts"
import { type ChunkedPut, putChunked } from "./sign.ts"
import { begin, crc32Of, md5Of, multipartETag, read, refused } from "./support.ts"

const hour = 3_600_000

export function signatures(suite: Suite): void {
  const { store } = suite
  chunked(suite)

  describe("signatures", () => {
    it("a wrong secret is SignatureDoesNotMatch, an unknown key InvalidAccessKeyId", async () => {
      const { credentials, bucket: Bucket } = store()
      for (const [changed, code] of [
        [{ secretAccessKey: "not-the-secret" }, "SignatureDoesNotMatch"],
        [{ accessKeyId: "AKIANOTKNOWNHERE" }, "InvalidAccessKeyId"]
      ] as const) {
        const stranger = clientOf({ ...store(), credentials: { ...credentials, ...changed } })
        await refused(stranger.send(new ListObjectsV2Command({ Bucket })), 403, code)
        await refused(stranger.send(new PutObjectCommand({ Bucket, Key: "stranger", Body: "x" })), 403, code)
        stranger.destroy()
      }
    })

    it("a request without a signature is AccessDenied", async () => {
      const { endpoint, bucket } = store()
      const answer = await fetch(`${endpoint}/${bucket}/anonymous`, { method: "PUT", body: "x" })
      expect([answer.status, codeIn(await answer.text())]).toEqual([403, "AccessDenied"])
    })

    it("a clock that is an hour wrong is RequestTimeTooSkewed", async () => {
      const { endpoint, region, credentials, bucket: Bucket } = store()
      const skewed = new S3Client({
        endpoint,
        region,
        credentials,
        forcePathStyle: true,
        maxAttempts: 1,
        systemClockOffset: -hour
      })
      await refused(skewed.send(new ListObjectsV2Command({ Bucket })), 403, "RequestTimeTooSkewed")
      skewed.destroy()
    })

    it("bytes that are not those that were signed are refused and not stored", async () => {
      const { s3, bucket: Bucket } = store()
      const put = new PutObjectCommand({ Bucket, Key: "forged", Body: "these bytes" })
      put.middlewareStack.add(
        (next) => (call) => {
          if (isRequest(call.request)) call.request.body = "other bytes"
          return next(call)
        },
        { step: "finalizeRequest", priority: "low" }
      )
      await refused(s3.send(put), 400, "XAmzContentSHA256Mismatch")
      await expect(read(s3, { Bucket, Key: "forged" })).rejects.toThrow()
    })

    it("an error names itself, the resource and the request, in the body and in the headers", async () => {
      const { bucket } = store()
      const answer = await fetch(presign(store(), { method: "GET", path: `/${bucket}/absent` }))
      const body = await answer.text()
      expect(answer.headers.get("content-type")).toBe("application/xml")
      expect(codeIn(body)).toBe("NoSuchKey")
      expect(body).toContain(`/absent</Resource>`)
      expect(body).toContain(`<RequestId>${answer.headers.get("x-amz-request-id")}</RequestId>`)
    })
  })

  describe("presigned URLs", () => {
    it("put and get, also of a key that needs encoding", async () => {
      const { bucket } = store()
      const path = `/${bucket}/presigned/a b+c (1).txt`
      const put = await fetch(presign(store(), { method: "PUT", path }), { method: "PUT", body: "by URL" })
      expect([put.status, put.headers.get("etag")]).toEqual([200, `"${md5Of(Buffer.from("by URL"))}"`])
      const get = await fetch(presign(store(), { method: "GET", path }))
      expect(await get.text()).toBe("by URL")
    })

    it("a part", async () => {
      const { bucket } = store()
      const upload = await begin(store(), "presigned-part")
      const query = { partNumber: "1", uploadId: String(upload.id.UploadId) }
      const url = presign(store(), { method: "PUT", path: `/${bucket}/presigned-part`, query })
      const put = await fetch(url, { method: "PUT", body: "a part" })
      const { ETag } = await upload.complete([{ PartNumber: 1, ETag: put.headers.get("etag") ?? "" }])
      expect(ETag).toBe(multipartETag(Buffer.from("a part")))
    })

    it("a response header that was asked for in the URL is in the answer", async () => {
      const { s3, bucket: Bucket } = store()
      await s3.send(new PutObjectCommand({ Bucket, Key: "named", Body: "x" }))
      const query = { "response-content-disposition": 'attachment; filename="n.txt"' }
      const get = await fetch(presign(store(), { method: "GET", path: `/${Bucket}/named`, query }))
      expect(get.headers.get("content-disposition")).toBe('attachment; filename="n.txt"')
    })

    it.each([
      ["an hour after it expired is AccessDenied", { at: new Date(Date.now() - hour) }, "AccessDenied"],
      [
        "for longer than a week is AuthorizationQueryParametersError",
        { expiresInSeconds: 604_801 },
        "AuthorizationQueryParametersError"
      ]
    ])("one %s", async (_, options, code) => {
      const { bucket } = store()
      const answer = await fetch(presign(store(), { method: "GET", path: `/${bucket}/k`, ...options }))
      expect(codeIn(await answer.text())).toBe(code)
    })

    it("one for another key or another method is SignatureDoesNotMatch", async () => {
      const { bucket } = store()
      const url = presign(store(), { method: "GET", path: `/${bucket}/mine` })
      for (const answer of [
        await fetch(url.replace("/mine?", "/yours?")),
        await fetch(url, { method: "PUT", body: "x" })
      ]) {
        expect([answer.status, codeIn(await answer.text())]).toEqual([403, "SignatureDoesNotMatch"])
      }
    })
  })
}

/** Two chunks: all but the last have at least 8 KiB. */
const chunks = [Buffer.alloc(65_536, "a"), Buffer.alloc(1024, "b")]
const whole = Buffer.concat(chunks)

function chunked({ store, facts }: Suite): void {
  const crc = { "x-amz-checksum-crc32": crc32Of(whole) }
  const framings = {
    signed: {},
    "signed, with a trailer": { trailers: crc },
    "unsigned, with a trailer": { trailers: crc }
  } as const
  const names = ["signed", "signed, with a trailer", "unsigned, with a trailer"] as const
  const put = (key: string, framing: ChunkedPut["framing"], change: Partial<ChunkedPut> = {}) =>
    putChunked(store(), { target: `/${store().bucket}/${key}`, chunks, framing, ...framings[framing], ...change })
  const isAbsent = (Key: string) => refused(read(store().s3, { Bucket: store().bucket, Key }), 404, "NoSuchKey")
  /** Replaces text in the framing; the bytes of the chunks hold none of it. */
  const replacing = (what: RegExp | string, by: string) => (body: Buffer) =>
    Buffer.from(body.toString("latin1").replace(what, by), "latin1")

  describe.each(names)("a body in chunks, %s", (framing) => {
    const key = (name: string) => `chunks-${names.indexOf(framing)}-${name}`

    it("is stored without its framing", async () => {
      expect(await put(key("right"), framing)).toMatchObject({ status: 200, code: undefined })
      expect((await read(store().s3, { Bucket: store().bucket, Key: key("right") })).equals(whole)).toBe(true)
    })

    it("that ends early is IncompleteBody and not stored", async () => {
      const answer = await put(key("torn"), framing, { tamper: (body) => body.subarray(0, 40_000) })
      expect([answer.status, answer.code]).toEqual([400, "IncompleteBody"])
      await isAbsent(key("torn"))
    })

    it("of another length than it said is refused and not stored", async () => {
      const more = await put(key("length"), framing, { decodedLength: whole.length - 1 })
      expect([more.status, more.code]).toEqual([400, facts.tooManyBytes])
      const less = await put(key("length"), framing, { decodedLength: whole.length + 1 })
      expect([less.status, less.code]).toEqual([400, "IncompleteBody"])
      await isAbsent(key("length"))
    })
  })

  describe("what chunks claim", () => {
    it("a signature that is not the chunk's, or bytes that are not those signed: SignatureDoesNotMatch", async () => {
      const forge = replacing(/chunk-signature=..../, "chunk-signature=0000")
      const corrupt = replacing("aaaa", "aaba")
      for (const tamper of [forge, corrupt]) {
        for (const framing of ["signed", "signed, with a trailer"] as const) {
          const answer = await put("forged-chunk", framing, { tamper })
          expect([answer.status, answer.code]).toEqual([403, "SignatureDoesNotMatch"])
        }
      }
      await isAbsent("forged-chunk")
    })

    it("a trailer whose signature is another's: SignatureDoesNotMatch", async () => {
      const tamper = replacing(/x-amz-trailer-signature:..../, "x-amz-trailer-signature:0000")
      const answer = await put("forged-trailer", "signed, with a trailer", { tamper })
      expect([answer.status, answer.code]).toEqual([403, "SignatureDoesNotMatch"])
      await isAbsent("forged-trailer")
    })

    it(`a trailing CRC32 of other bytes: ${facts.checksumMismatch}`, async () => {
      const trailers = { "x-amz-checksum-crc32": crc32Of(Buffer.from("other bytes")) }
      for (const framing of ["signed, with a trailer", "unsigned, with a trailer"] as const) {
        const answer = await put("wrong-trailer", framing, { trailers })
        expect([answer.status, answer.code]).toEqual([400, facts.checksumMismatch])
      }
      await isAbsent("wrong-trailer")
    })

    it("a trailer that was announced and does not come, or comes unannounced, is refused", async () => {
      const missing = await put("missing-trailer", "unsigned, with a trailer", {
        trailers: {},
        announced: Object.keys(crc)
      })
      const other = await put("missing-trailer", "unsigned, with a trailer", { announced: ["x-amz-checksum-crc32c"] })
      for (const { status, code } of [missing, other]) expect([status, code]).toEqual([400, facts.badTrailer])
      await isAbsent("missing-trailer")
    })
  })
}

const codeIn = (xml: string): string | undefined => /<Code>([^<]*)<\/Code>/.exec(xml)?.[1]

const isRequest = (request: unknown): request is { body: unknown } =>
  typeof request === "object" && request !== null && "body" in request
