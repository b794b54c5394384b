import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Hooks } from "@sluice/core/Plugin"
import { createSluice, type ReasonTag, Source, s3, type UploadOptions } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { MiB, pattern } from "./bytes.ts"
import { hooks } from "./hooks.ts"
import { onEmbedded, onEveryStore, type StoreOptions } from "./target.ts"
import { attempt, failedWith, type Setup } from "./trial.ts"

/** What a caller without types may pass. */
const untyped = <A>(value: unknown): A => value as A
const wrongMode: Setup = untyped({ multipart: "sometimes" })

const small = pattern(100)
const large = pattern(5 * MiB + 1)

onEveryStore("what the store refuses says what to do", (target) => {
  const refused: ReadonlyArray<readonly [string, (store: StoreOptions) => Partial<StoreOptions>, ReasonTag, RegExp]> = [
    [
      "a bucket that does not exist [row 5]",
      () => ({ bucket: "no-such-bucket" }),
      "NoSuchBucket",
      /create it, or correct/
    ],
    [
      "a wrong secret",
      ({ credentials }) => ({
        credentials: { ...(typeof credentials === "object" ? credentials : { accessKeyId: "" }), secretAccessKey: "x" }
      }),
      "AccessDenied",
      /check the access key and its secret/
    ],
    [
      "an unknown access key",
      () => ({ credentials: { accessKeyId: "nobody", secretAccessKey: "nothing" } }),
      "AccessDenied",
      /check the access key and its secret/
    ]
  ]
  describe.each(refused)("%s", (_, change, reason, advice) => {
    it.each([
      ["for one PUT", small],
      ["for parts", large]
    ])("%s", async (_, body) => {
      const error = failedWith(await attempt(target(), { body }, { store: change(target().store) }), reason)
      expect(error.message).toMatch(advice)
      expect(error).toMatchObject({ retry: "permanent", operation: expect.stringMatching(/PutObject|Create/) })
    })
  })
})

/** Root may read everything: for once we are not root. */
const asNobody = <A>(run: () => A): A => {
  if (process.getuid?.() !== 0) return run()
  process.seteuid?.(65_534)
  try {
    return run()
  } finally {
    process.seteuid?.(0)
  }
}

describe("an endpoint that nobody answers at", () => {
  const unreachable = async (endpoint: string): Promise<unknown> => {
    await using sluice = createSluice({
      store: s3({
        bucket: "media",
        endpoint,
        region: "us-east-1",
        credentials: { accessKeyId: "a", secretAccessKey: "b" }
      }),
      maxAttempts: 3,
      retryBaseMs: 1,
      retryCapMs: 5
    })
    return await sluice
      .upload({ key: "k", body: small })
      .done()
      .then(
        () => undefined,
        (error: unknown) => error
      )
  }

  it("is Unavailable, naming the endpoint as what to check", async () => {
    // A port that was free a moment ago.
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    await new Promise((resolve) => server.close(resolve))
    const port = typeof address === "object" ? address?.port : undefined
    const error = await unreachable(`http://127.0.0.1:${port}`)
    expect(error).toMatchObject({ reason: { _tag: "Unavailable" }, attempts: 3, retry: "persistent" })
    expect(String(error)).toMatch(/refuses connections.*ECONNREFUSED.*check the endpoint/s)
  })

  it("is Unavailable where its name is not known", async () => {
    const error = await unreachable("http://no-such-host.invalid")
    expect(error).toMatchObject({ reason: { _tag: "Unavailable" } })
    expect(String(error)).toMatch(/host name is not known.*check the endpoint/s)
  })

  it("is TlsFailed where it does not speak TLS [row 14]", async () => {
    const plain = createServer((socket) =>
      socket
        .on("error", () => undefined)
        .resume()
        .end("HTTP/1.1 400 Bad Request\r\n\r\n")
    )
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve))
    const address = plain.address()
    const port = typeof address === "object" ? address?.port : undefined
    const error = await unreachable(`https://127.0.0.1:${port}`)
    await new Promise((resolve) => plain.close(resolve))
    expect(error).toMatchObject({ reason: { _tag: "TlsFailed" }, retry: "permanent" })
  })

  it("that is no URL is refused before anything is sent", async () => {
    const error = await unreachable("store.example.com")
    expect(error).toMatchObject({ reason: { _tag: "InvalidRequest" } })
    expect(String(error)).toMatch(/http\(s\):\/\//)
  })
})

onEmbedded("a request that makes no sense", (target) => {
  let directory = ""
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "sluice-engine-"))
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  /** Fails before the store hears of it. */
  const refusedAtOnce = async (
    request: Omit<UploadOptions, "key"> & { readonly key?: string },
    reason: ReasonTag,
    advice: RegExp,
    setup: Setup = {}
  ): Promise<void> => {
    const before = target().server.requests.filter(({ op }) => op !== "GetObject").length
    const error = failedWith(await attempt(target(), request, setup), reason)
    expect(error.message).toMatch(advice)
    expect(error.retry).toBe("permanent")
    expect(target().server.requests.filter(({ op }) => op !== "GetObject")).toHaveLength(before)
  }
  const neverStarts = true

  it("a part size below 5 MiB, naming the least", () =>
    refusedAtOnce({ body: large, partSize: 5 * MiB - 1 }, "InvalidRequest", /partSize.*5242880/, { neverStarts }))

  it("every bad option value, all named at once", async () => {
    await refusedAtOnce(
      { body: small },
      "InvalidRequest",
      /(?=.*partSize)(?=.*concurrency)(?=.*maxAttempts)(?=.*stallTimeoutMs)(?=.*multipart must be one of)/,
      { partSize: 1, concurrency: 0, maxAttempts: 1.5, stallTimeoutMs: Number.NaN, neverStarts, ...wrongMode }
    )
  })

  it("an empty key", () => refusedAtOnce({ key: "", body: small }, "InvalidRequest", /key is empty.*name the object/))

  it("a key that is too long", () =>
    refusedAtOnce({ key: "k".repeat(1_025), body: small }, "InvalidRequest", /1025 bytes.*1024/))

  it("a key that is too long in UTF-8, not in letters", () =>
    refusedAtOnce({ key: "漢".repeat(342), body: small }, "InvalidRequest", /1026 bytes.*1024/))

  it("metadata that is too large", () =>
    refusedAtOnce({ body: small, metadata: { note: "x".repeat(2_100) } }, "InvalidRequest", /2104 bytes.*shorten/))

  it("metadata that would inject headers", () =>
    refusedAtOnce({ body: small, metadata: { a: "1\r\nx-evil: 1" } }, "InvalidRequest", /metadata "a"/))

  it.each(["contentType", "cacheControl", "contentDisposition", "contentEncoding", "contentLanguage"] as const)(
    "a %s that would inject headers",
    (name) => refusedAtOnce({ body: small, [name]: "x\r\nx-evil: 1" }, "InvalidRequest", /line break|header|ASCII/i)
  )

  it("too many tags", () => {
    const tags = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`t${i}`, "x"]))
    return refusedAtOnce({ body: small, tags }, "InvalidRequest", /11 tags.*10/)
  })

  it("a negative size", () =>
    refusedAtOnce({ body: new ReadableStream(), size: -1 }, "InvalidRequest", /declare the real one or none/))

  it("a file that is missing", () =>
    refusedAtOnce(
      { body: Source.file(join(directory, "none")) },
      "SourceFailed",
      /none": no such file; check the path/
    ))

  it("a directory", () =>
    refusedAtOnce({ body: Source.file(directory) }, "SourceFailed", /is a directory; name the files in it/))

  it("a file that may not be read", async () => {
    const path = join(directory, "secret")
    await writeFile(path, small)
    await chmod(path, 0)
    const body = asNobody(() => Source.file(path))
    await refusedAtOnce({ body }, "SourceFailed", /not readable by this user; check its permissions/)
  })

  it.each<[string, unknown, RegExp]>([
    ["a string", "intro.mp4", /Source\.file.*Source\.text/],
    ["null", null, /null; pass a Uint8Array/],
    ["undefined", undefined, /undefined; pass a Uint8Array/],
    ["a number", 42, /number; pass a Uint8Array/],
    ["a plain object", { path: "x" }, /Object.*pass a Uint8Array/],
    ["an array of bytes", [1, 2, 3], /Array.*pass a Uint8Array/],
    ["an ArrayBuffer", new ArrayBuffer(3), /ArrayBuffer.*pass a Uint8Array/]
  ])("%s as body", (_, body, advice) =>
    refusedAtOnce(untyped<{ body: Uint8Array }>({ body }), "InvalidRequest", advice, { neverStarts })
  )

  it("multipart never, with a stream of more than memory holds", () => {
    const body = new Blob([pattern(16 * MiB)]).stream()
    const request = { body, size: 16 * MiB, multipart: "never" as const }
    return refusedAtOnce(request, "TooLarge", /memoryBudget/, { memoryBudget: 16 * MiB })
  })

  it("a plugin with a hook that does not exist, naming those that do", () => {
    const plugins = untyped<[]>([{ name: "acme/typo", open: () => Effect.succeed({ finnish: () => Effect.void }) }])
    return refusedAtOnce({ body: small }, "InvalidRequest", /acme\/typo.*"finnish".*finish/, { plugins, neverStarts })
  })
})

onEmbedded("a stream that turns out too long", (target) => {
  it("for one PUT is TooLarge, and says to allow multipart", async () => {
    const body = new Blob([pattern(9 * MiB)]).stream()
    const outcome = await attempt(target(), { body, multipart: "never" }, { memoryBudget: 16 * MiB })
    expect(failedWith(outcome, "TooLarge").message).toMatch(/the stream is longer .* allow multipart/)
  })

  it("because of a plugin's body hook names the plugin", async () => {
    const same: Hooks["body"] = { stage: "observe", size: "same", replay: "deterministic", transform: (bytes) => bytes }
    const plugins = [hooks({ body: same }, "acme/looks-on"), hooks({ body: { ...same, size: "unknown" } }, "acme/pads")]
    const request = { body: pattern(9 * MiB), multipart: "never" as const }
    const outcome = await attempt(target(), request, { memoryBudget: 16 * MiB, plugins })
    expect(failedWith(outcome, "TooLarge").message).toMatch(/what the body hook of "acme\/pads" makes of 9437184 bytes/)
  })
})
