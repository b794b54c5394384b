import { createServer } from "node:http"
import { inspect } from "node:util"
import { Journal, S3ObjectStore, Source, type UploadEvent, Uploader } from "@sluice/core"
import type { FaultAction } from "@sluice/testkit"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Tracer from "effect/Tracer"
import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { MiB, pattern } from "./bytes.ts"
import { onEmbedded, type StoreOptions } from "./target.ts"
import { freshKey, quick } from "./trial.ts"

const canaries = {
  accessKeyId: "AKIACANARYCANARY0001",
  secretAccessKey: "canary/secret+6d0f1c2b9a8e7d4c5b3a2f1e0d9c8b7a",
  sessionToken: "canary-token-FwoGZXIvYXdzEBYaDKq5b7Example=="
}

/** Everything that an upload may write somewhere: as text, as JSON, and as a debugger shows it. */
const shown = (value: unknown): string => {
  const json = JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner))
  return [String(value), json, inspect(value, { depth: 12, maxStringLength: null })].join("\n")
}

interface Trace {
  readonly error: unknown
  readonly text: string
}

/** One upload with all its ears open. */
const traced = async (
  store: StoreOptions,
  source: Source.Source,
  key: string,
  options: { readonly maxAttempts?: number } = {}
): Promise<Trace> => {
  const heard: Array<string> = []
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const logger = Logger.make(({ cause, message }) => {
    heard.push(shown(message), Cause.pretty(cause))
  })
  const onEvent = (event: UploadEvent): void => {
    heard.push(shown(event))
  }
  const program = Uploader.use((uploader) => uploader.upload({ key, source }, { onEvent }))
  const layer = Uploader.layer({ ...quick, ...options }).pipe(
    Layer.provide([S3ObjectStore.layer(store), Journal.layerMemory])
  )
  const exit = await Effect.runPromiseExit(
    program.pipe(Effect.provide(layer), Effect.withTracer(tracer), Effect.provide(Logger.layer([logger])))
  )
  expect(spans.length).toBeGreaterThan(1)
  for (const { attributes, events, name, status } of spans)
    heard.push(name, shown([...attributes]), shown(events), shown(status))
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  heard.push(shown(exit), shown(error), Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "")
  if (error instanceof Error) heard.push(error.stack ?? "")
  return { error, text: heard.join("\n") }
}

/** Neither a key, nor a token, nor what was signed with them. */
const expectNoSecret = (text: string): void => {
  for (const canary of [canaries.secretAccessKey, canaries.sessionToken]) {
    expect(text).not.toContain(canary)
    expect(text).not.toContain(encodeURIComponent(canary))
    expect(text).not.toContain(Buffer.from(canary).toString("base64"))
  }
  expect(text).not.toContain(canaries.accessKeyId)
  // The names may stand there, what they name may not.
  expect(text).not.toMatch(/AWS4-HMAC-SHA256|(Signature|X-Amz-[\w-]+|Authorization) ?[=:] ?[\w"']/i)
}

/** Refuses every signature, and says back what it was and what was signed (S3 API Reference, "Error responses"). */
const startEcho = async (): Promise<AsyncDisposable & { readonly endpoint: string }> => {
  const server = createServer(({ headers }, answer) => {
    const [, signature = ""] = /Signature=(\w+)/.exec(headers.authorization ?? "") ?? []
    answer.writeHead(403, { "content-type": "application/xml", connection: "close" })
    answer.end(
      `<?xml version="1.0" encoding="UTF-8"?><Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match (x-amz-security-token:${headers["x-amz-security-token"]}).</Message><AWSAccessKeyId>${canaries.accessKeyId}</AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256 20260101</StringToSign><SignatureProvided>${signature}</SignatureProvided><CanonicalRequest>PUT x-amz-security-token:${headers["x-amz-security-token"]}</CanonicalRequest></Error>`
    )
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the echo has no port")
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

const consoled: Array<string> = []
beforeEach(() => {
  for (const method of ["log", "info", "warn", "error", "debug"] as const) {
    vi.spyOn(console, method).mockImplementation((...args: ReadonlyArray<unknown>) => void consoled.push(shown(args)))
  }
})
afterEach(() => {
  vi.restoreAllMocks()
  expectNoSecret(consoled.splice(0).join("\n"))
})

onEmbedded(
  "no key, token or signature is in an error, event, span or log",
  (target) => {
    const bytes = pattern(5 * MiB + 1)
    const store = (): StoreOptions => ({
      ...target().store,
      credentials: { ...canaries, secretAccessKey: Redacted.make(canaries.secretAccessKey) }
    })

    it("of an upload that succeeds", async () => {
      const { error, text } = await traced(store(), Source.fromBytes(bytes), freshKey())
      expect(error).toBeUndefined()
      expectNoSecret(text)
    })

    it.each<[string, FaultAction]>([
      ["is denied", { type: "status", status: 403, code: "AccessDenied" }],
      ["is told that its signature is wrong", { type: "status", status: 403, code: "SignatureDoesNotMatch" }],
      ["meets a captive portal", { type: "html200" }],
      ["loses its connection", { type: "reset", afterBytes: 10 }],
      ["is answered with nothing", { type: "emptyBody" }],
      ["has its bytes corrupted", { type: "corrupt", byte: 0 }]
    ])("of an upload that %s", async (_, action) => {
      const key = freshKey()
      target().server.faults.add({ match: { op: "UploadPart", key }, action, times: Number.POSITIVE_INFINITY })
      const { error, text } = await traced(store(), Source.fromBytes(bytes), key, { maxAttempts: 2 })
      expect(error).toMatchObject({ _tag: "UploadError" })
      expectNoSecret(text)
    })

    it("of one whose secret is wrong", async () => {
      const wrong = { ...store(), credentials: { ...canaries, secretAccessKey: `${canaries.secretAccessKey}x` } }
      const { error, text } = await traced(wrong, Source.fromBytes(bytes), freshKey())
      expect(error).toMatchObject({ reason: { _tag: "AccessDenied" } })
      expectNoSecret(text)
    })

    it("of one whose store repeats what was signed, token and all, as AWS does", async () => {
      await using echo = await startEcho()
      const { error, text } = await traced({ ...store(), endpoint: echo.endpoint }, Source.fromBytes(bytes), freshKey())
      expect(error).toMatchObject({ reason: { _tag: "AccessDenied" } })
      expectNoSecret(text)
    })

    it("of one whose abort fails too, and is logged", async () => {
      const key = freshKey()
      const denied: FaultAction = { type: "status", status: 403, code: "AccessDenied" }
      const { faults } = target().server
      faults.add({ match: { op: "UploadPart", key }, action: denied, times: Number.POSITIVE_INFINITY })
      const aborts = faults.add({ match: { op: "AbortMultipartUpload", key }, action: denied, times: 1 })
      const { text } = await traced(store(), Source.fromBytes(bytes), key)
      expect(aborts.hits).toBe(1)
      expect(text).toMatch(/could not be aborted/)
      expectNoSecret(text)
    })

    it("of one whose credentials cannot be loaded", async () => {
      const credentials = async (): Promise<never> => {
        throw new Error(`the vault refused ${canaries.sessionToken} with secret=${canaries.secretAccessKey}`)
      }
      const { error, text } = await traced({ ...target().store, credentials }, Source.fromBytes(bytes), freshKey())
      expect(error).toMatchObject({ _tag: "UploadError" })
      expect(JSON.stringify(error)).not.toContain(canaries.sessionToken)
      expect(String(error)).not.toContain(canaries.secretAccessKey)
      expect(text).toMatch(/CredentialsUnavailable|credentials/)
    })

    it("of a store whose options are printed, when the secret is Redacted", () => {
      expect(shown(store().credentials)).not.toContain(canaries.secretAccessKey)
    })
  },
  { credentials: canaries }
)
