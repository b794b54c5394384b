/** Certificates that do not hold, on real sockets: told at once, after one attempt. */
import { createServer, type Server } from "node:https"
import { getCACertificates, setDefaultCACertificates } from "node:tls"
import { createSluice, s3, type UploadError } from "@sluice/core/promise"
import { generate } from "selfsigned"
import { afterAll, expect, it, onTestFinished } from "vitest"
import { faultProxy, startS3 } from "../src/index.ts"

const day = 86_400_000

const known = getCACertificates("default")
afterAll(() => setDefaultCACertificates(known))

const trust = (certificate: string): void => setDefaultCACertificates([...known, certificate])

interface Flaw {
  readonly name?: string
  readonly from?: number
  readonly to?: number
}

/** A certificate for `name`, its own authority, valid between two times from now. */
const certificate = async ({ name = "127.0.0.1", from = -day, to = day }: Flaw) => {
  const altName = /^[\d.]+$/.test(name) ? { type: 7 as const, ip: name } : { type: 2 as const, value: name }
  const { private: key, cert } = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    notBeforeDate: new Date(Date.now() + from),
    notAfterDate: new Date(Date.now() + to),
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "subjectAltName", altNames: [altName] }
    ]
  })
  return { key, cert }
}

/** Listens with a certificate; counts connections, and requests that came through. */
const listening = async (tls: { readonly key: string; readonly cert: string }) => {
  let requests = 0
  const server: Server = createServer(tls, (_, answer) => {
    requests += 1
    answer.writeHead(200, { etag: '"e"' }).end()
  })
  let connections = 0
  server.on("connection", () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return { endpoint: `https://127.0.0.1:${port}`, connections: () => connections, requests: () => requests }
}

/** Uploads one object; a failure is the answer. */
const uploading = async (endpoint: string, credentials = { accessKeyId: "a", secretAccessKey: "b" }) => {
  await using sluice = createSluice({ store: s3({ bucket: "media", endpoint, region: "us-east-1", credentials }) })
  const upload = sluice.upload({ key: "k", body: Buffer.from("hello") })
  return await upload.done().then(
    () => undefined,
    (error: UploadError) => error
  )
}

it.each<[string, Flaw, "trusted" | "unknown", RegExp]>([
  ["that has expired", { from: -2 * day, to: -day }, "trusted", /CERT_HAS_EXPIRED/],
  ["that is not valid yet", { from: day, to: 2 * day }, "trusted", /CERT_NOT_YET_VALID/],
  ["of another name", { name: "other.test" }, "trusted", /ERR_TLS_CERT_ALTNAME_INVALID/],
  ["that signs itself", {}, "unknown", /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/]
])("a certificate %s is TlsFailed after one attempt, and no byte is sent [row 14]", async (_, flaw, standing, code) => {
  const tls = await certificate(flaw)
  setDefaultCACertificates(known)
  if (standing === "trusted") trust(tls.cert)
  const server = await listening(tls)
  const error = await uploading(server.endpoint)
  expect(error).toMatchObject({ reason: { _tag: "TlsFailed" }, attempts: 1, retry: "permanent" })
  expect(error?.message).toMatch(code)
  expect([server.connections(), server.requests()]).toEqual([1, 0])
})

it("a certificate that is trusted lets the upload through, also behind a proxy that reads no TLS [row 14]", async () => {
  await using store = await startS3({ buckets: ["media"], tls: true })
  trust(store.certificate ?? "")
  await using proxy = await faultProxy({ target: store.endpoint })
  for (const { endpoint } of [store, proxy]) expect(await uploading(endpoint, store.credentials)).toBeUndefined()
  expect(proxy.traffic().connections).toBeGreaterThan(0)
  expect(await store.object("media", "k")).toEqual(Buffer.from("hello"))
})
