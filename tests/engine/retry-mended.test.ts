/**
 * What can be mended is mended, and tried once more: credentials that were rotated, a clock that is wrong, a bucket
 * that is elsewhere.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Plugin from "@sluice/core/Plugin"
import {
  createSluice,
  isUploadError,
  type SluiceOptions,
  type StoredObject,
  s3,
  type UploadEvent
} from "@sluice/core/promise"
import { type FaultyS3Server, startS3 } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import { afterEach, describe, expect, it, vi } from "vitest"
import { MiB, pattern } from "./bytes.ts"
import type { StoreOptions } from "./target.ts"
import { quick } from "./trial.ts"

const parts = 8
const bytes = pattern(parts * 5 * MiB)
const old = { accessKeyId: "OLDKEY", secretAccessKey: "old-secret", sessionToken: "old-token" }
const fresh = { accessKeyId: "NEWKEY", secretAccessKey: "new-secret", sessionToken: "new-token" }

interface Outcome {
  readonly stored: StoredObject | undefined
  readonly reason: string | undefined
  /** What was retried, in order. */
  readonly retried: ReadonlyArray<string>
}

const upload = async (
  server: FaultyS3Server,
  store: Partial<StoreOptions>,
  options: Partial<SluiceOptions> = {},
  key = "object"
): Promise<Outcome> => {
  await using sluice = createSluice({
    ...quick,
    concurrency: parts,
    ...options,
    store: s3({ bucket: "media", endpoint: server.endpoint, region: server.region, ...store })
  })
  const run = sluice.upload({ key, body: bytes })
  const events: Array<UploadEvent> = []
  const listening = (async () => {
    for await (const event of run.events()) events.push(event)
  })()
  const [outcome] = await Promise.allSettled([run.done()])
  await listening
  expect(server.openUploads()).toEqual([])
  const error: unknown = outcome.status === "rejected" ? outcome.reason : undefined
  return {
    stored: outcome.status === "fulfilled" ? outcome.value : undefined,
    reason: isUploadError(error) ? error.reason._tag : undefined,
    retried: events.flatMap((event) => (event._tag === "Retrying" ? [event.error.reason._tag] : []))
  }
}

/** Every part is in flight before the first leaves; then `act`, once. */
const whenAllAreInFlight = (act: () => void) => {
  let waiting = 0
  const all = Promise.withResolvers<void>()
  return Plugin.make({
    name: "test/in-flight",
    open: () =>
      Effect.succeed({
        send: (part, next) => {
          if (part.attempt > 1) return next(part)
          if (++waiting === parts) {
            act()
            all.resolve()
          }
          return Effect.andThen(
            Effect.promise(() => all.promise),
            next(part)
          )
        }
      })
  })
}

/** A store whose keys change, and a provider that is asked for them. */
const rotating = async () => {
  let accepted = old
  const server = await startS3({
    buckets: ["media"],
    credentials: {
      get accessKeyId() {
        return accepted.accessKeyId
      },
      get secretAccessKey() {
        return accepted.secretAccessKey
      },
      get sessionToken() {
        return accepted.sessionToken
      }
    }
  })
  let calls = 0
  const hour = () => new Date(Date.now() + 3_600_000)
  return {
    server,
    rotate: () => {
      accepted = fresh
    },
    calls: () => calls,
    provider: async () => {
      calls++
      return { ...accepted, expiration: hour() }
    },
    stale: async () => {
      calls++
      return { ...old, expiration: hour() }
    }
  }
}

describe("credentials that are refused while eight parts are in flight", () => {
  it("are asked for once more, whatever the number of parts [row 23]", async () => {
    const { server, rotate, provider, calls } = await rotating()
    await using _ = server
    const outcome = await upload(server, { credentials: provider }, { plugins: [whenAllAreInFlight(rotate)] })
    expect(outcome.stored).toMatchObject({ size: bytes.length })
    expect(calls()).toBe(2)
    expect(outcome.retried).toEqual(Array.from({ length: parts }, () => "AccessDenied"))
    expect(server.requests.filter(({ op }) => op === "UploadPart")).toHaveLength(parts)
  })

  it.each(["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "InvalidAccessKeyId"])(
    "by %s, although the provider says that they are valid",
    async (code) => {
      await using server = await startS3({ buckets: ["media"], credentials: fresh })
      const action = { type: "status", status: 400, code } as const
      server.faults.add({ match: { op: "UploadPart", attempt: 1 }, action, times: parts })
      let calls = 0
      const provider = async () => ({ ...fresh, expiration: new Date(Date.now() + 3_600_000 + calls++) })
      const same = await upload(server, { credentials: provider })
      // The same keys again: nothing was learned, and nothing is repeated.
      expect(same.retried).toEqual([])
      expect(same.reason).toBe(code === "InvalidAccessKeyId" ? "AccessDenied" : "CredentialsUnavailable")
      expect(calls).toBeLessThanOrEqual(1 + parts)
    }
  )

  it("fail the upload when the provider has no others", async () => {
    const { server, rotate, stale } = await rotating()
    await using _ = server
    let asked = 0
    const provider = () => {
      asked++
      return stale()
    }
    await using sluice = createSluice({
      ...quick,
      plugins: [whenAllAreInFlight(rotate)],
      concurrency: parts,
      store: s3({ bucket: "media", endpoint: server.endpoint, region: server.region, credentials: provider })
    })
    const failed = sluice.upload({ key: "object", body: bytes }).done()
    await expect(failed).rejects.toMatchObject({ reason: { _tag: "AccessDenied" } })
    expect(asked).toBeGreaterThan(1)
  })

  it("fail it with CredentialsUnavailable when the provider throws", async () => {
    const { server, rotate, provider } = await rotating()
    await using _ = server
    let first = true
    const throwing = async () => {
      if (!first) throw new Error("the vault is sealed")
      first = false
      return provider()
    }
    await using sluice = createSluice({
      ...quick,
      plugins: [whenAllAreInFlight(rotate)],
      concurrency: parts,
      store: s3({ bucket: "media", endpoint: server.endpoint, region: server.region, credentials: throwing })
    })
    const failed = sluice.upload({ key: "object", body: bytes }).done()
    await expect(failed).rejects.toMatchObject({ reason: { _tag: "CredentialsUnavailable" } })
    await expect(failed).rejects.toThrow("the vault is sealed")
  })

  describe("and come from the SDK's own chain", () => {
    afterEach(() => vi.unstubAllEnvs())

    it("are read from the environment again", async () => {
      const { server, rotate } = await rotating()
      await using _ = server
      const environment = ({ accessKeyId, secretAccessKey, sessionToken }: typeof old): void => {
        vi.stubEnv("AWS_ACCESS_KEY_ID", accessKeyId)
        vi.stubEnv("AWS_SECRET_ACCESS_KEY", secretAccessKey)
        vi.stubEnv("AWS_SESSION_TOKEN", sessionToken)
      }
      environment(old)
      const both = (): void => {
        rotate()
        environment(fresh)
      }
      const outcome = await upload(server, {}, { plugins: [whenAllAreInFlight(both)] })
      expect(outcome.stored).toMatchObject({ size: bytes.length })
      expect(outcome.retried).toHaveLength(parts)
    })

    it("are read from the shared file again", async () => {
      const { server, rotate } = await rotating()
      await using _ = server
      const folder = await mkdtemp(join(tmpdir(), "sluice-credentials-"))
      try {
        const file = join(folder, "credentials")
        const write = ({ accessKeyId, secretAccessKey, sessionToken }: typeof old) =>
          writeFile(
            file,
            `[rotated]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\naws_session_token=${sessionToken}\n`
          )
        await write(old)
        vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", file)
        vi.stubEnv("AWS_CONFIG_FILE", join(folder, "config"))
        for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
          vi.stubEnv(name, undefined)
        const written = Promise.withResolvers<void>()
        const both = (): void => {
          rotate()
          write(fresh).then(written.resolve)
        }
        const waits = Plugin.make({
          name: "test/written",
          open: () =>
            Effect.succeed({
              send: (part, next) =>
                Effect.andThen(
                  Effect.promise(() => written.promise),
                  next(part)
                )
            })
        })
        const plugins = [whenAllAreInFlight(both), waits]
        const outcome = await upload(server, { profile: "rotated" }, { plugins })
        expect(outcome.stored).toMatchObject({ size: bytes.length })
      } finally {
        await rm(folder, { recursive: true })
      }
    })
  })
})

describe("a clock that is wrong", () => {
  afterEach(() => vi.useRealTimers())
  const hours = (n: number): void => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + n * 3_600_000, shouldAdvanceTime: true })
  }
  const credentials = { accessKeyId: "a", secretAccessKey: "b" }
  const clock = (): number => performance.timeOrigin + performance.now()

  it.each([1, -5])(
    "by %i hours is corrected from the first answer, and the request repeated once [row 22]",
    async (n) => {
      await using server = await startS3({ buckets: ["media"], credentials, clock })
      hours(n)
      const outcome = await upload(server, { credentials })
      expect(outcome.stored).toMatchObject({ size: bytes.length })
      // One: the first request teaches all that follow.
      expect(outcome.retried).toEqual(["ClockSkewed"])
    }
  )

  it("where the store refuses the signature for it", async () => {
    await using server = await startS3({ buckets: ["media"], credentials })
    const action = { type: "status", status: 403, code: "SignatureDoesNotMatch" } as const
    server.faults.add({ match: { op: "CreateMultipartUpload" }, action })
    hours(0.1)
    expect((await upload(server, { credentials })).retried).toEqual(["ClockSkewed"])
  })

  it("is no excuse for a wrong secret", async () => {
    await using server = await startS3({ buckets: ["media"], credentials })
    const outcome = await upload(server, { credentials: { ...credentials, secretAccessKey: "wrong" } })
    expect(outcome).toMatchObject({ reason: "AccessDenied", retried: [] })
  })

  it("that stays wrong is told after one more attempt [row 22]", async () => {
    await using server = await startS3({ buckets: ["media"], credentials })
    const action = { type: "status", status: 403, code: "RequestTimeTooSkewed" } as const
    server.faults.add({ action, times: Number.POSITIVE_INFINITY })
    hours(1)
    const outcome = await upload(server, { credentials })
    expect(outcome.reason).toBe("ClockSkewed")
    expect(outcome.retried.length).toBeLessThanOrEqual(1)
  })
})

/** Answers everything with one refusal, and counts. */
const refusing = async (status: number, headers: Record<string, string>, body = "") => {
  let requests = 0
  const server = createServer((request, response) => {
    requests++
    request.resume()
    request.on("end", () => response.writeHead(status, headers).end(request.method === "HEAD" ? undefined : body))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    requests: () => requests,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

const errorXml = (code: string, more = ""): string =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>elsewhere</Message>${more}</Error>`

describe("a bucket in another region", () => {
  const region = "eu-central-1"

  it("is found there, once for the store [row 5]", async () => {
    await using server = await startS3({ buckets: ["media"], region })
    const { credentials, endpoint } = server
    await using sluice = createSluice({
      ...quick,
      store: s3({ bucket: "media", endpoint, region: "us-east-1", credentials })
    })
    for (const key of ["first", "second"]) {
      const upload = sluice.upload({ key, body: bytes })
      await upload.done()
      const retried: Array<string> = []
      for await (const event of upload.events()) if (event._tag === "Retrying") retried.push(event.error.reason._tag)
      expect(retried).toEqual(key === "first" ? ["InvalidRequest"] : [])
    }
  })

  const elsewhere = (server: FaultyS3Server): ReadonlyArray<readonly [number, Record<string, string>, string]> => {
    const host = new URL(server.endpoint).host
    const header = { "x-amz-bucket-region": region }
    return [
      [301, header, errorXml("PermanentRedirect", `<Endpoint>media.${host}</Endpoint>`)],
      [301, {}, errorXml("PermanentRedirect", `<Endpoint>${host}</Endpoint><Region>${region}</Region>`)],
      [307, { ...header, location: `${server.endpoint}/media/object` }, errorXml("TemporaryRedirect")]
    ]
  }
  it.each([0, 1, 2])("and at another endpoint is found there (%i)", async (which) => {
    await using server = await startS3({ buckets: ["media"], region })
    const [status, headers, body] = elsewhere(server)[which] ?? [500, {}, ""]
    await using front = await refusing(status, headers, body)
    const { credentials } = server
    const outcome = await upload(server, { endpoint: front.endpoint, region: "us-east-1", credentials })
    expect(outcome.stored).toMatchObject({ size: bytes.length })
    expect(front.requests()).toBe(1)
  })

  it("is not looked for at somebody else's endpoint", async () => {
    await using server = await startS3({ buckets: ["media"] })
    const { credentials } = server
    const headers = { "x-amz-bucket-region": region }
    const body = errorXml("PermanentRedirect", "<Endpoint>storage.example.com</Endpoint>")
    await using front = await refusing(301, headers, body)
    const outcome = await upload(server, { endpoint: front.endpoint, region: "us-east-1", credentials })
    expect(outcome).toMatchObject({ reason: "InvalidRequest", retried: ["InvalidRequest"] })
    expect(front.requests()).toBe(2)
  })

  it.each([
    ["that names no place", errorXml("PermanentRedirect"), 1],
    ["that names the place we are at", errorXml("PermanentRedirect", "<Region>us-east-1</Region>"), 1]
  ])("is not looked for after a refusal %s", async (_, body, requests) => {
    await using server = await startS3({ buckets: ["media"] })
    const { credentials } = server
    await using front = await refusing(301, {}, body)
    const outcome = await upload(server, { endpoint: front.endpoint, region: "us-east-1", credentials })
    expect(outcome).toMatchObject({ reason: "InvalidRequest", retried: [] })
    expect(front.requests()).toBe(requests)
  })

  it("is told by a HEAD as well, which has no more than headers", async () => {
    const credentials = { accessKeyId: "a", secretAccessKey: "b" }
    await using front = await refusing(400, { "x-amz-bucket-region": region })
    const store = s3({ bucket: "media", endpoint: front.endpoint, region: "us-east-1", credentials })
    await using sluice = createSluice({ ...quick, store })
    await expect(sluice.head("k")).rejects.toMatchObject({ reason: { _tag: "InvalidRequest" }, attempts: 2 })
    expect(front.requests()).toBe(2)
  })
})
