import { randomBytes } from "node:crypto"
import type { LookupAddress, LookupAllOptions } from "node:dns"
import { once } from "node:events"
import { createServer, type IncomingHttpHeaders, type Server } from "node:http"
import { createServer as createListener } from "node:net"
import { profiles } from "@sluice/core/Limits"
import type { UploadContext } from "@sluice/core/Plugin"
import { createSluice, isUploadError, type SluiceOptions, s3 } from "@sluice/core/promise"
import { type S3Server, startS3 } from "@sluice/testkit"
import * as Effect from "effect/Effect"
import { Webhook } from "standardwebhooks"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { type WebhookOptions, webhook } from "./index.ts"
import { publicLookup } from "./post.ts"
import { isPublicAddress } from "./public-address.ts"
import { keyOf } from "./sign.ts"

/** What names resolve to, where a test says so; else they are asked for. */
const resolvesTo = vi.hoisted(() => vi.fn<() => ReadonlyArray<LookupAddress> | undefined>())
vi.mock("node:dns", async (original) => {
  const dns = await original<typeof import("node:dns")>()
  const lookup = (name: string, options: LookupAllOptions, tell: Tell): void => {
    const addresses = resolvesTo()
    if (addresses === undefined) dns.lookup(name, options, tell)
    else tell(null, [...addresses])
  }
  return { ...dns, lookup }
})
type Tell = (error: NodeJS.ErrnoException | null, addresses: Array<LookupAddress>) => void

let server: S3Server
beforeAll(async () => {
  server = await startS3({ buckets: ["media"] })
})
afterAll(() => server.close())

const newSecret = (): string => `whsec_${randomBytes(32).toString("base64")}`

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Answers what it is told to, once each, and then 204; hears of everything. */
const receiver = async (statuses: ReadonlyArray<number> = [], port = 0) => {
  const received: Array<Received> = []
  const answers = [...statuses]
  const waiting: Array<() => void> = []
  const http: Server = createServer(async (request, response) => {
    let body = ""
    for await (const chunk of request) body += chunk
    received.push({ headers: request.headers, body })
    for (const tell of waiting.splice(0)) tell()
    response.writeHead(answers.shift() ?? 204, { location: "/elsewhere" }).end()
  }).listen(port, "127.0.0.1")
  await once(http, "listening")
  const address = http.address()
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    received,
    /** Resolves when so many have come. */
    until: async (count: number): Promise<void> => {
      while (received.length < count) await new Promise<void>((resolve) => waiting.push(resolve))
    },
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections()
      http.close()
      await once(http, "close")
    }
  }
}

const open = (options: WebhookOptions | ReadonlyArray<WebhookOptions>, more: Partial<SluiceOptions> = {}) => {
  const { endpoint, region, credentials } = server
  return createSluice({
    store: s3({ bucket: "media", endpoint, region, credentials }),
    plugins: [options].flat().map(webhook),
    retryBaseMs: 1,
    retryCapMs: 5,
    ...more
  })
}

const uploaded = { key: "a.txt", body: Buffer.from("hello"), annotations: { user: "ada" } }

describe("a webhook", () => {
  it("tells the receiver, signed as the standard's own library wants it, without the session's id", async () => {
    await using http = await receiver()
    const secret = newSecret()
    await using sluice = open({ url: `http://127.0.0.1:${http.port}/hook`, secret, allowPrivate: true })
    const upload = sluice.upload(uploaded)
    const stored = await upload.done()
    await http.until(1)
    const [message] = http.received
    const headers = {
      "webhook-id": String(message?.headers["webhook-id"]),
      "webhook-timestamp": String(message?.headers["webhook-timestamp"]),
      "webhook-signature": String(message?.headers["webhook-signature"])
    }
    expect(new Webhook(secret).verify(message?.body ?? "", headers)).toMatchObject({
      type: "upload.completed",
      data: { bucket: "media", key: "a.txt", size: 5, etag: stored.etag, proof: "source", annotations: { user: "ada" } }
    })
    expect(message?.headers["content-type"]).toBe("application/json")
    for await (const { sessionId } of upload.events()) expect(JSON.stringify(message)).not.toContain(sessionId)
    expect(() => new Webhook(newSecret()).verify(message?.body ?? "", headers)).toThrow()
  })

  it("signs with each secret while one is changed", async () => {
    await using http = await receiver()
    const secrets = [newSecret(), newSecret()]
    await using sluice = open({ url: `http://127.0.0.1:${http.port}`, secret: secrets, allowPrivate: true })
    await sluice.upload(uploaded).done()
    await http.until(1)
    const headers = Object.fromEntries(
      Object.entries(http.received[0]?.headers ?? {}).map(([name, value]) => [name, String(value)])
    )
    for (const secret of secrets) new Webhook(secret).verify(http.received[0]?.body ?? "", headers)
  })

  it("is tried again, under one id, until the answer is 2xx; a redirect is none and is not followed", async () => {
    await using http = await receiver([500, 302, 429])
    await using sluice = open({ url: `http://127.0.0.1:${http.port}`, secret: newSecret(), allowPrivate: true })
    await sluice.upload(uploaded).done()
    await http.until(4)
    expect(new Set(http.received.map(({ headers }) => headers["webhook-id"])).size).toBe(1)
    expect(new Set(http.received.map(({ body }) => body)).size).toBe(1)
  })

  it("outlives a receiver that was away", async () => {
    const gone = await receiver()
    const { port } = gone
    await gone[Symbol.asyncDispose]()
    await using sluice = open({ url: `http://127.0.0.1:${port}`, secret: newSecret(), allowPrivate: true })
    await sluice.upload(uploaded).done()
    await using back = await receiver([], port)
    await back.until(1)
    expect(back.received).toHaveLength(1)
  })

  it("gives up waiting for an answer, and asks again", async () => {
    let asked = 0
    const again = Promise.withResolvers<void>()
    const silent = createServer(() => {
      if (++asked === 2) again.resolve()
    }).listen(0, "127.0.0.1")
    await once(silent, "listening")
    const address = silent.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    await using sluice = open({
      url: `http://127.0.0.1:${port}`,
      secret: newSecret(),
      allowPrivate: true,
      timeoutMs: 50
    })
    await sluice.upload(uploaded).done()
    await again.promise
    silent.closeAllConnections()
    silent.close()
  })

  it("of an upload that another process ended has the words of the one that began it", async () => {
    await using http = await receiver()
    const plugin = webhook({ url: `http://127.0.0.1:${http.port}`, secret: newSecret(), allowPrivate: true })
    const context: UploadContext = {
      sessionId: "s1",
      bucket: "media",
      key: "a.txt",
      source: { size: 5, name: undefined, contentType: undefined, replayable: true, identity: undefined },
      capabilities: profiles.aws,
      annotations: {},
      resumed: true,
      saved: { annotations: { user: "ada" } },
      save: () => Effect.void,
      exists: () => Effect.succeed(false),
      stored: () => Effect.never
    }
    const event = {
      _tag: "UploadCancelled",
      kept: false,
      sessionId: "s1",
      bucket: "media",
      key: "a.txt",
      at: 0
    } as const
    await Effect.runPromise(
      Effect.scoped(
        Effect.flatMap(plugin.open(context), ({ deliver }) => deliver?.send({ id: "1", event }) ?? Effect.void)
      )
    )
    expect(JSON.parse(http.received[0]?.body ?? "")).toMatchObject({
      type: "upload.cancelled",
      data: { annotations: { user: "ada" } }
    })
  })

  it("tells of failures by their reason, and only of what was asked for", async () => {
    await using failures = await receiver()
    await using all = await receiver()
    await using sluice = open(
      [
        { url: `http://127.0.0.1:${failures.port}`, events: ["UploadFailed"] as const, name: "failures" },
        { url: `http://127.0.0.1:${all.port}`, name: "all" }
      ].map((options) => ({ secret: newSecret(), allowPrivate: true, ...options }))
    )
    await sluice.upload(uploaded).done()
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(10)
      throw new Error("the disk is gone")
    }
    await sluice
      .upload({ key: "b.txt", body: broken() })
      .done()
      .catch(() => undefined)
    await Promise.all([failures.until(1), all.until(2)])
    expect(failures.received.map(({ body }) => JSON.parse(body))).toMatchObject([
      { type: "upload.failed", data: { key: "b.txt", error: { reason: "SourceFailed" }, kept: false } }
    ])
    expect(all.received.map(({ body }) => JSON.parse(body).type).sort()).toEqual(["upload.completed", "upload.failed"])
  })
})

describe("a webhook's url", () => {
  it.each(["http://example.com/", "ftp://example.com/", "nonsense", "https://user:password@example.com/"])(
    "%s refuses the upload before a request is made, and tells no password",
    async (url) => {
      const before = server.requests.length
      await using sluice = open({ url, secret: newSecret() })
      const failed: unknown = await sluice
        .upload(uploaded)
        .done()
        .catch((cause: unknown) => cause)
      expect(isUploadError(failed) && failed.reason._tag).toBe("InvalidRequest")
      expect(String(failed)).not.toContain("password@")
      expect(server.requests.length).toBe(before)
    }
  )

  it.each(["short", "whsec_", `whsec_${randomBytes(8).toString("base64")}`, "whsec_with spaces in it"])(
    "with the secret %s refuses the upload",
    async (secret) => {
      expect(keyOf(secret)).toBeUndefined()
      await using sluice = open({ url: "https://example.com", secret })
      await expect(sluice.upload(uploaded).done()).rejects.toMatchObject({ reason: { _tag: "InvalidRequest" } })
    }
  )

  it.each([
    "https://127.0.0.1",
    "https://localhost",
    "https://2130706433",
    "https://[::1]",
    "https://[::ffff:127.0.0.1]",
    "https://0x7f.1"
  ])("%s opens no connection to this machine unless that is allowed", async (host) => {
    let connections = 0
    // Whatever it would say to a TLS client: that one came is too much.
    const listener = createListener((socket) => {
      connections++
      socket.destroy()
    }).listen(0)
    await once(listener, "listening")
    const address = listener.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    const logged: Array<string> = []
    await using sluice = open({ url: `${host}:${port}/`, secret: newSecret() }, { retryWithinMs: 50 })
    const write = console.log
    console.log = (...words: ReadonlyArray<unknown>) => void logged.push(words.join(" "))
    try {
      await sluice.upload(uploaded).done()
      await expect.poll(() => logged.join("\n")).toContain("stays owed")
    } finally {
      console.log = write
      listener.close()
    }
    expect(connections).toBe(0)
  })
})

describe("a name of the internet", () => {
  const resolving = (all: boolean, addresses: ReadonlyArray<string>) => {
    resolvesTo.mockReturnValue(addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })))
    return new Promise((resolve) =>
      publicLookup("example.test", { all }, (error, found) => resolve(error === null ? found : error.message))
    )
  }

  it("that resolves to this network as well is taken for what is public of it", async () => {
    const mixed = ["10.0.0.1", "8.8.8.8", "::1"]
    expect(await resolving(true, mixed)).toEqual([{ address: "8.8.8.8", family: 4 }])
    expect(await resolving(false, mixed)).toBe("8.8.8.8")
  })

  it.each([true, false])("that resolves to nothing else is refused", async (all) => {
    expect(await resolving(all, ["169.254.169.254", "fd00::1"])).toMatch(/no address of the public internet/)
  })
})

describe("the public internet", () => {
  it.each(["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"])("has %s", (address) =>
    expect(isPublicAddress(address)).toBe(true)
  )

  it.each([
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.1.2.3",
    "169.254.169.254",
    "172.31.255.255",
    "192.168.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:10.0.0.1",
    "::10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
    "2001:db8::1",
    "fd00::1",
    "fe80::1%eth0",
    "ff02::1",
    "localhost",
    ""
  ])("has no %j", (address) => expect(isPublicAddress(address)).toBe(false))
})
