import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type ChunkedPut, putChunked, sendSigned } from "../../../test/behaviour/sign.ts"
import { crc32Of } from "../../../test/behaviour/support.ts"
import { type S3Server, startS3 } from "../../index.ts"

let server: S3Server
beforeAll(async () => {
  server = await startS3({ buckets: ["media"] })
})
afterAll(() => server.close())

const chunks = [Buffer.alloc(10_000, "a"), Buffer.from("bytes")]
const trailers = { "x-amz-checksum-crc32": crc32Of(...chunks) }
const put = (change: Partial<ChunkedPut> = {}) =>
  putChunked(server, { target: "/media/k", chunks, framing: "unsigned, with a trailer", trailers, ...change })
const replacing = (what: RegExp | string, by: string) => (body: Buffer) =>
  Buffer.from(body.toString("latin1").replace(what, by), "latin1")

/** What strictness alone decides: other stores read on, or read less. */
describe("chunks are refused", () => {
  it.each<[string, Partial<ChunkedPut>, number, string]>([
    ["one that is not the last and below 8 KiB", { chunks: chunks.toReversed() }, 403, "InvalidChunkSizeError"],
    ["a size that is no number", { tamper: replacing(/^2710/, "27g0") }, 400, "IncompleteBody"],
    ["no signature", { framing: "signed", trailers: {}, tamper: replacing(/;.*/, "") }, 400, "IncompleteBody"],
    ["an end of line without its CR", { tamper: replacing("\r\n", "\n") }, 400, "IncompleteBody"],
    [
      "bytes behind the end",
      { tamper: (body) => Buffer.concat([body, Buffer.from("x")]) },
      400,
      "MalformedTrailerError"
    ],
    ["a trailer without a value", { tamper: replacing(/x-amz-checksum-crc32:.*/, "x") }, 400, "MalformedTrailerError"],
    ["a trailing value that is no CRC32", { trailers: { "x-amz-checksum-crc32": "?" } }, 400, "InvalidRequest"],
    ["a trailer that is no checksum", { trailers: { "x-amz-meta-a": "b" } }, 400, "InvalidRequest"],
    ["a trailer where none can come", { framing: "signed", announced: Object.keys(trailers) }, 400, "InvalidRequest"],
    ["a checksum before and one behind", { headers: { "x-amz-checksum-sha1": "x" } }, 400, "InvalidRequest"],
    ["the wrong MD5", { headers: { "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==" } }, 400, "BadDigest"]
  ])("%s", async (_what, change, status, code) => {
    const answer = await put(change)
    expect([answer.status, answer.code]).toEqual([status, code])
    expect(await server.object("media", "k")).toBeUndefined()
  })
})

it.each(["UNSIGNED-PAYLOAD", undefined])("a trailer is not announced for a plain body (%s)", async (payload) => {
  const headers = { "x-amz-trailer": "x-amz-checksum-crc32" }
  const plain = { method: "PUT", target: "/media/plain", headers, body: Buffer.from("x") } as const
  const answer = await sendSigned(server, payload === undefined ? plain : { ...plain, payload })
  expect([answer.status, answer.code]).toEqual([400, "InvalidRequest"])
})

it("a framing that nobody knows is InvalidArgument", async () => {
  const payload = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
  const answer = await sendSigned(server, { method: "PUT", target: "/media/k", payload, body: Buffer.from("x") })
  expect([answer.status, answer.code]).toEqual([400, "InvalidArgument"])
})

it("a clock that is wrong is told the server's", async () => {
  const at = new Date(Date.now() - 3_600_000)
  const answer = await sendSigned(server, { method: "GET", target: "/media", at })
  expect([answer.status, answer.code]).toEqual([403, "RequestTimeTooSkewed"])
  const told = Date.parse(/<ServerTime>(.*?)</.exec(answer.text)?.[1] ?? "")
  expect(Math.abs(told - Date.now())).toBeLessThan(60_000)
  expect(answer.text).toContain(`<RequestTime>${at.toISOString().replace(/[-:]|\.\d+/g, "")}</RequestTime>`)
})
