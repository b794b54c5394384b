import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { connect } from "node:net"
import { text } from "node:stream/consumers"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { compileSink, startSink } from "./sink.js"

const { CC: compiler = "cc" } = process.env
const compilerIsThere = spawnSync(compiler, ["--version"]).error === undefined

/** @param {string} hex */
const bytesOf = (hex) => Buffer.from(hex, "hex")

describe.skipIf(!compilerIsThere)("the discarding sink", () => {
  /** @type {Awaited<ReturnType<typeof startSink>>} */
  let sink
  beforeAll(async () => {
    sink = await startSink(compileSink())
  })
  afterAll(() => sink.stop())

  /**
   * @param {string} method
   * @param {string} query
   * @param {string} [body]
   * @param {Record<string, string>} [headers]
   */
  const send = (method, query, body, headers = {}) =>
    fetch(`${sink.endpoint}/bench/object${query}`, { method, headers, ...(body === undefined ? {} : { body }) })

  const create = async () => {
    const answer = await send("POST", "?uploads=&x-id=CreateMultipartUpload")
    return /<UploadId>(.*)<\/UploadId>/.exec(await answer.text())?.[1]
  }

  it("answers Complete with the multipart ETag of the parts it is given", async () => {
    const uploadId = await create()
    const etags = []
    for (const part of [1, 2, 3, 4, 5]) {
      const answer = await send("PUT", `?partNumber=${part}&uploadId=${uploadId}&x-id=UploadPart`, "x".repeat(70_000), {
        "x-amz-checksum-crc32": "AAAAAA=="
      })
      expect(answer.headers.get("x-amz-checksum-crc32")).toBe("AAAAAA==")
      etags.push(answer.headers.get("etag") ?? "")
    }
    const parts = etags.map((etag, index) => `<Part><ETag>${etag}</ETag><PartNumber>${index + 1}</PartNumber></Part>`)
    const answer = await send("POST", `?uploadId=${uploadId}`, `<Complete>${parts.join("")}</Complete>`)
    const digests = etags.map((etag) => bytesOf(etag.replaceAll('"', "")))
    const expected = createHash("md5").update(Buffer.concat(digests)).digest("hex")
    expect(await answer.text()).toContain(`<ETag>&quot;${expected}-5&quot;</ETag>`)
  })

  it("knows no upload that was aborted, completed or never created", async () => {
    const uploadId = await create()
    expect((await send("GET", `?uploadId=${uploadId}`)).status).toBe(200)
    expect((await send("DELETE", `?uploadId=${uploadId}`)).status).toBe(204)
    for (const id of [uploadId, "4000", "nonsense"]) {
      const answer = await send("GET", `?uploadId=${id}`)
      expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining("<Code>NoSuchUpload</Code>")])
    }
  })

  it("says 100 Continue before the body to a client that expects it", async () => {
    const socket = connect(Number(new URL(sink.endpoint).port), "127.0.0.1")
    socket.write("PUT /bench/small HTTP/1.1\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 3\r\n\r\n")
    socket.once("data", () => socket.write("abc"))
    const answers = await text(socket)
    expect(answers).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n[\s\S]*\r\nConnection: close\r\n/)
  })

  it("refuses part 10,001, as S3 does", async () => {
    const uploadId = await create()
    const part = (/** @type {number} */ number) => send("PUT", `?partNumber=${number}&uploadId=${uploadId}`, "x")
    expect([(await part(10_000)).status, (await part(10_001)).status]).toEqual([200, 400])
  })

  it("reports what it received when its input closes", async () => {
    const other = await startSink(compileSink())
    await fetch(`${other.endpoint}/bench/object`, { method: "PUT", body: "abc" })
    expect(await other.stop()).toMatchObject({ requests: 1, objectBytes: 3, partBytes: 0 })
  })
})
