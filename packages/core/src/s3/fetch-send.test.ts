import { describe, expect, it } from "vitest"
import type { ExchangeRequest, ExchangeResponse, Transport } from "../platform/exchange.ts"
import { sha256 } from "../platform/hash.ts"
import { diagnose } from "./classify-error.ts"
import { makeFetchSend } from "./fetch-send.ts"
import { makeLearn, type Settings } from "./learn.ts"
import type { S3Options } from "./S3Options.ts"
import { StoreCall } from "./StoreCall.ts"
import { type SigningCredentials, signRequest } from "./sign-request.ts"

const keys = { accessKeyId: "AKID", secretAccessKey: "secret", sessionToken: "token" }
const at = (date: Date): Record<string, string> => ({ date: date.toUTCString() })
const answer = (over: Partial<ExchangeResponse> = {}): ExchangeResponse => ({
  statusCode: 200,
  reason: "OK",
  headers: { etag: '"e"', "content-length": "0" },
  body: new Uint8Array(0),
  ...over
})
const text = (body: string): Uint8Array => new TextEncoder().encode(body)

/** A sender over a transport that answers in turn, and what was sent through it. */
const start = (options: Partial<S3Options>, answers: ReadonlyArray<ExchangeResponse> = []) => {
  const sent: Array<ExchangeRequest> = []
  const transport: Transport = {
    exchange: async (request) => answers[sent.push(request) - 1] ?? answer(),
    close: () => {}
  }
  const settings: Settings<SigningCredentials> = {
    credentials: async () => keys,
    region: async () => "eu-west-1",
    isCustomEndpoint: false
  }
  const all = { bucket: "media", ...options }
  return { sent, settings, send: makeFetchSend(all, settings, transport) }
}

const newCall = (more: Partial<StoreCall["options"]> = {}): StoreCall =>
  new StoreCall({ signal: new AbortController().signal, ...more })
const head = { Bucket: "media", Key: "a b/ü!'()*+&=%2F.bin", ChecksumMode: "ENABLED" } as const
const get = { Bucket: "media", Key: "k" }

describe("a request", () => {
  it("has the signature that our own signer gives it", async () => {
    const { send, sent } = start({})
    await send("HeadObject", { ...head, VersionId: "v 1+/=" }, newCall())
    const [request] = sent
    const { host, "accept-encoding": _, authorization, "x-amz-date": date = "", ...headers } = request?.headers ?? {}
    const [path = "", query = ""] = request?.path.split("?") ?? []
    expect(host).toBe("media.s3.eu-west-1.amazonaws.com")
    if (sha256 === undefined || host === undefined) throw new Error("this test needs node:crypto")
    const now = new Date(date.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, "$1-$2-$3T$4:$5:$6Z"))
    const { "x-amz-security-token": token, ...signed } = headers
    const ours = signRequest(
      sha256,
      { method: "HEAD", path, query: query.split("&"), headers: { ...signed, host } },
      keys,
      { region: "eu-west-1", service: "s3", now }
    )
    expect(token).toBe("token")
    expect(authorization).toBe(ours["authorization"])
  })

  it.each([
    [{}, "media.s3.eu-west-1.amazonaws.com", "/k"],
    [{ forcePathStyle: true }, "s3.eu-west-1.amazonaws.com", "/media/k"],
    [{ dualStack: true }, "media.s3.dualstack.eu-west-1.amazonaws.com", "/k"],
    [{ accelerate: true }, "media.s3-accelerate.amazonaws.com", "/k"],
    [{ bucket: "with.dot" }, "s3.eu-west-1.amazonaws.com", "/with.dot/k"]
  ])("with %o goes to %s%s", async (options, host, path) => {
    const { send, sent } = start(options)
    await send("GetObject", get, newCall())
    expect([sent[0]?.headers["host"], sent[0]?.path]).toEqual([host, path])
  })

  it.each(["../other/secret", "a/./b", "a/..", "."])(
    "for the key %s is not made: it would go elsewhere",
    async (Key) => {
      const { send, sent } = start({})
      const failure = await send("GetObject", { ...get, Key }, newCall()).catch((cause) => cause)
      expect([failure.reason._tag, sent.length]).toEqual(["InvalidRequest", 0])
    }
  )
})

describe("the clock", () => {
  it("is the store's once it differs by minutes, and ours until then", async () => {
    const there = new Date(Date.now() + 3_600_000)
    const { send, sent } = start({}, [answer({ headers: { etag: "e", ...at(there) } })])
    for (let i = 0; i < 2; i++) await send("HeadObject", head, newCall())
    const days = sent.map(({ headers }) => headers["x-amz-date"]?.slice(0, 11))
    const hour = (date: Date): string => date.toISOString().slice(0, 13).replaceAll("-", "")
    expect(days[1]).toBe(hour(there))
    expect(days[0]).not.toBe(days[1])
  })
})

it("a region that a refusal names is where the next request goes, and is signed for", async () => {
  const refusal = answer({
    statusCode: 400,
    headers: { "x-amz-bucket-region": "us-west-2" },
    body: text("<Error><Code>AuthorizationHeaderMalformed</Code><Region>us-west-2</Region></Error>")
  })
  const { send, sent, settings } = start({}, [refusal])
  const call = newCall()
  const cause = await send("GetObject", get, call).catch((cause) => cause)
  const learn = makeLearn({ config: settings }, "media")
  const error = await learn(diagnose({ code: cause.Code, status: 400 }, {}), cause, call.request?.headers)
  expect(error.retry).toBe("temporary")
  await send("GetObject", get, newCall())
  expect(sent[1]?.headers["host"]).toBe("media.s3.us-west-2.amazonaws.com")
  expect(sent[1]?.headers["authorization"]).toContain("/us-west-2/s3/")
})

describe("an object that is stored with an encoding", () => {
  const encoded = (encoding: string) =>
    answer({ headers: { etag: '"e"', "content-length": "3", "content-encoding": encoding } })
  const streaming = () => newCall({ streamResponse: true })

  it("is asked for once more, in words that keep fetch from undoing it", async () => {
    const { send, sent } = start({}, [encoded("gzip"), encoded("identity")])
    const { ContentEncoding, ContentLength } = await send("GetObject", { ...get, Range: "bytes=0-2" }, streaming())
    expect([ContentEncoding, ContentLength]).toEqual(["gzip", 3])
    expect(sent.map(({ path }) => path)).toEqual(["/k", "/k?response-content-encoding=identity"])
    expect(sent[1]?.headers).toMatchObject({ "if-match": '"e"', range: "bytes=0-2" })
  })

  it("is refused where the store gives it in no other way", async () => {
    const { send } = start({}, [encoded("gzip"), encoded("gzip")])
    const failure = await send("GetObject", get, streaming()).catch((cause) => cause)
    expect(failure.reason).toMatchObject({ _tag: "InvalidRequest", message: expect.stringContaining("gzip") })
  })
})
