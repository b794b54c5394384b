/** What others send without a checksum, or believe without looking (reference/upload-libraries.md §0.5, §0.6, §2). */
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import type { ClientRequest } from "node:http"
import { expect, it } from "vitest"
import { chunksOf, generator, pattern } from "../engine/bytes.ts"
import { onEmbedded, put, type Target } from "../engine/target.ts"
import { attempt, failedWith, freshKey, quick, succeeded } from "../engine/trial.ts"

const part = quick.partSize
const bytes = pattern(part + 1_000)
const always = Number.POSITIVE_INFINITY

interface Sent {
  readonly what: "Create" | "Part" | "Complete"
  readonly headers: Readonly<Record<string, unknown>>
}

const isStart = (message: unknown): message is { readonly request: ClientRequest } =>
  typeof message === "object" && message !== null && "request" in message

/** Every request of a multipart upload of this key that leaves while `run` runs, seen from Node itself. */
const sentDuring = async (target: Target, key: string, run: () => Promise<unknown>): Promise<ReadonlyArray<Sent>> => {
  const sent: Array<Sent> = []
  const see = (message: unknown): void => {
    if (!isStart(message)) return
    const { request } = message
    const { pathname, searchParams } = new URL(request.path, target.store.endpoint)
    if (!pathname.endsWith(key)) return
    const headers = { ...request.getHeaders() }
    if (searchParams.has("partNumber")) sent.push({ what: "Part", headers })
    else if (request.method === "POST")
      sent.push({ what: searchParams.has("uploads") ? "Create" : "Complete", headers })
  }
  subscribe("http.client.request.start", see)
  await run().finally(() => unsubscribe("http.client.request.start", see))
  expect(sent.map(({ what }) => what)).toEqual(["Create", "Part", "Part", "Complete"])
  return sent
}

onEmbedded("what goes over the wire", (target) => {
  // §0.5, measured: UNSIGNED-PAYLOAD and no checksum. §0.6, measured: CRC64NVME by part, and nothing of it in Complete.
  it("Bun, lib-storage: parts without a checksum, a Complete without the object's checksum, type and size", async () => {
    const key = freshKey("checksums")
    const sent = await sentDuring(target(), key, async () => succeeded(await attempt(target(), { key, body: bytes })))
    const base64 = expect.stringMatching(/^[\w+/]{6}==$/)
    for (const { headers, what } of sent) {
      if (what === "Create") expect(headers).toMatchObject({ "x-amz-checksum-type": "FULL_OBJECT" })
      else expect(headers, what).toMatchObject({ "x-amz-checksum-crc32": base64 })
    }
    expect(sent.at(-1)?.headers).toMatchObject({ "x-amz-checksum-type": "FULL_OBJECT" })
    expect(String(sent.at(-1)?.headers["x-amz-mp-object-size"])).toBe(String(bytes.length))
  })

  // §2 row 11 (aws-sdk-js-v3#6810, #6819): what other stores than AWS break on.
  it("AWS SDK: checksums in a trailer of aws-chunked bodies, and a wait for 100-continue [row 21]", async () => {
    const key = freshKey("trailers")
    const body = generator(chunksOf(bytes))
    const sent = await sentDuring(target(), key, () => attempt(target(), { key, body }, { expected: bytes }))
    for (const { headers, what } of sent) {
      for (const name of ["x-amz-trailer", "x-amz-decoded-content-length", "content-encoding", "expect"]) {
        expect(headers, `${name} of ${what}`).not.toHaveProperty(name)
      }
      if (what === "Part") expect(headers).toHaveProperty("content-length")
    }
  })

  // §1a, §2 row 18: refused for multipart by files-sdk, lost by others. It belongs to Complete alone.
  it("files-sdk: conditional writes are refused for multipart", async () => {
    const key = freshKey("conditional")
    const upload = () => attempt(target(), { key, body: bytes, ifNoneMatch: "*" }, { standing: bytes })
    const sent = await sentDuring(target(), key, async () => succeeded(await upload()))
    expect(sent.filter(({ headers }) => "if-none-match" in headers).map(({ what }) => what)).toEqual(["Complete"])
    failedWith(await upload(), "PreconditionFailed")
  })
})

onEmbedded("an answer that is wrong", (target) => {
  // §0.6, measured: accepted by all three.
  it.each([
    ["where the store takes CRC32", undefined, "PartConflict"],
    ["where the ETag is all there is", "b2", "ChecksumMismatch"]
  ] as const)(
    "lib-storage, files-sdk, Bun: a wrong ETag for every part is accepted, %s [row 17]",
    async (_, provider, reason) => {
      const key = freshKey("etag")
      target().server.faults.add({ match: { op: "UploadPart", key }, action: { type: "wrongETag" }, times: always })
      const store = provider === undefined ? {} : { provider }
      failedWith(await attempt(target(), { key, body: bytes }, { store }), reason)
    }
  )

  // §0.2, measured: after three of them in 77 ms the upload is aborted, though Complete may have been applied.
  it("lib-storage: Abort is sent after a Complete whose outcome nobody knows", async () => {
    const key = freshKey("ambiguous")
    const action = { type: "ok200WithError", code: "InternalError" } as const
    target().server.faults.add({ match: { op: "CompleteMultipartUpload", key, phase: "after" }, action })
    target().server.faults.add({ match: { op: "CompleteMultipartUpload", key }, action, times: 3 })
    succeeded(await attempt(target(), { key, body: bytes }))
    expect(target().count("AbortMultipartUpload", key)).toBe(0)
  })

  // §2 row 17 (s5cmd#450): a repeated Complete that finds no upload is our own success, or it is not.
  it("s5cmd: NoSuchUpload after a lost answer is a failure though the object is there", async () => {
    const key = freshKey("lost")
    await put(target(), key, pattern(10, 9))
    target().server.faults.add({ match: { op: "CompleteMultipartUpload", key }, action: { type: "dropAfterCommit" } })
    const busy = { type: "status", status: 500, code: "InternalError" } as const
    target().server.faults.add({ match: { op: "HeadObject", key }, action: busy })
    succeeded(await attempt(target(), { key, body: bytes }))
  })
})
