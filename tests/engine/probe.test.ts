import { createServer, request } from "node:http"
import { ListObjectsV2Command, ListObjectVersionsCommand, PutBucketVersioningCommand } from "@aws-sdk/client-s3"
import { profiles } from "@sluice/core/Limits"
import { createSluice, s3 } from "@sluice/core/promise"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { onEmbedded, onEveryStore, onMinIO, type Target } from "./target.ts"

/** The store as it was before checksums: any of their headers is refused. Signatures stay, as the host is passed on. */
const withoutChecksums = async (endpoint: string) => {
  const server = createServer((incoming, outgoing) => {
    const claims = Object.keys(incoming.headers).some(
      (name) => /^x-amz-(checksum-|sdk-checksum)/.test(name) && name !== "x-amz-checksum-mode"
    )
    if (claims) {
      incoming.resume()
      outgoing.writeHead(400).end("<Error><Code>InvalidArgument</Code><Message>Unsupported header</Message></Error>")
      return
    }
    const { method = "GET", url = "/", headers } = incoming
    const { hostname, port } = new URL(endpoint)
    const forwarded = request({ hostname, port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(forwarded)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" ? address?.port : undefined
  return {
    endpoint: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections())
  }
}

const probe = (target: Target, endpoint = target.store.endpoint) =>
  Effect.runPromise(S3ObjectStore.probe({ ...target.store, endpoint }))

onEveryStore("a store that is asked what it can do", (target) => {
  it("can do what its profile says, and nothing of the question is left", async () => {
    const { provider: _, ...minio } = profiles.minio
    expect(await probe(target())).toEqual({ ...minio, provider: "generic" })
    const { KeyCount } = await target().client.send(new ListObjectsV2Command({ Bucket: target().bucket }))
    expect(KeyCount).toBe(0)
    await target().assertNothingLeft()
  })
})

onMinIO("a bucket with versions that is asked what it can do", (target) => {
  it("keeps none of the question", async () => {
    const at = { Bucket: target().bucket }
    await target().client.send(
      new PutBucketVersioningCommand({ ...at, VersioningConfiguration: { Status: "Enabled" } })
    )
    await probe(target())
    const { Versions, DeleteMarkers } = await target().client.send(new ListObjectVersionsCommand(at))
    expect([...(Versions ?? []), ...(DeleteMarkers ?? [])]).toEqual([])
  })
})

onEmbedded("a store that takes no checksum headers", (target) => {
  it("is found out by being asked, and uploads to it are proven otherwise", async () => {
    await using old = await withoutChecksums(target().store.endpoint)
    const { provider: _, ...expected } = { ...profiles.generic, checksum: "none" }
    expect(await probe(target(), old.endpoint)).toMatchObject(expected)

    await using sluice = createSluice({ store: s3({ ...target().store, endpoint: old.endpoint, provider: "probe" }) })
    const questions = () => target().server.requests.filter(({ key }) => key?.startsWith(".sluice-probe/")).length
    const before = questions()
    const stored = await sluice.upload({ key: "a", body: new Uint8Array(9 * 2 ** 20) }).done()
    // By Content-MD5, and by the parts' ETags.
    expect(stored).toMatchObject({ size: 9 * 2 ** 20, proof: "source" })
    // Known since: not asked again.
    expect(before).toBeGreaterThan(0)
    expect(questions()).toBe(before)
    await target().assertNothingLeft()
  })
})
