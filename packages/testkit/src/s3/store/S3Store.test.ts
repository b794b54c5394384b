import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { S3Record } from "../Records.ts"
import { diskStore } from "./disk-store.ts"
import { memoryStore } from "./memory-store.ts"
import type { S3Store } from "./S3Store.ts"

let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-store-"))
})

afterAll(() => rm(directory, { recursive: true, force: true }))

const bucket: S3Record = { kind: "bucket", name: "b", created: 1 }

async function write(store: S3Store, ...chunks: ReadonlyArray<Uint8Array>): Promise<string> {
  const writer = await store.writeBlob()
  for (const chunk of chunks) await writer.write(chunk)
  return writer.commit()
}

async function read(store: S3Store, blob: string, offset: number, length: number): Promise<Buffer> {
  const chunks: Array<Uint8Array> = []
  for await (const chunk of store.readBlob(blob, offset, length)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

describe.each([
  ["memoryStore", () => memoryStore()],
  ["diskStore", () => diskStore(join(directory, "contract"))]
])("%s", (_name, make) => {
  let store: S3Store

  beforeAll(async () => {
    store = make()
    expect(await store.open()).toEqual([])
  })

  afterAll(() => store.close())

  it("gives back any run of a blob's bytes, however they were written", async () => {
    const whole = Buffer.from(Array.from({ length: 2_500_000 }, (_, i) => i % 251))
    const chunk = Buffer.alloc(1_000_000)
    const writer = await store.writeBlob()
    for (let at = 0; at < whole.length; at += chunk.length) {
      const length = whole.copy(chunk, 0, at)
      await writer.write(chunk.subarray(0, length))
      chunk.fill(0) // The store may not keep the caller's memory.
    }
    const blob = await writer.commit()
    for (const [offset, length] of [
      [0, whole.length],
      [0, 1],
      [262_143, 2],
      [999_999, 1_100_000],
      [whole.length - 1, 1]
    ] as const) {
      expect((await read(store, blob, offset, length)).equals(whole.subarray(offset, offset + length))).toBe(true)
    }
    await expect(read(store, blob, 0, whole.length + 1)).rejects.toThrow("shorter")
  })

  it("has no forgotten and no aborted blob", async () => {
    const blob = await write(store, Buffer.from("x"))
    await store.forgetBlob(blob)
    await expect(read(store, blob, 0, 1)).rejects.toThrow()
    const writer = await store.writeBlob()
    await writer.write(Buffer.from("x"))
    await writer.abort()
  })

  it("keeps blobs apart that are written at the same time", async () => {
    const blobs = await Promise.all(
      ["one", "two", "three"].map((text) => write(store, Buffer.from(text), Buffer.from(text)))
    )
    expect(await Promise.all(blobs.map(async (blob) => `${await read(store, blob, 0, 6)}`))).toEqual([
      "oneone",
      "twotwo",
      "threet"
    ])
  })
})

describe("diskStore", () => {
  it("finds its records again, and of bytes only those that a record names", async () => {
    const path = join(directory, "again")
    const store = diskStore(path)
    await store.open()
    const kept = await write(store, Buffer.from("kept"))
    await write(store, Buffer.from("never named"))
    const object: S3Record = {
      kind: "object",
      bucket: "b",
      key: "k".repeat(1024),
      size: 4,
      etag: "e",
      modified: 2,
      headers: { "content-type": "x" },
      segments: [{ blob: kept, offset: 0, length: 4 }]
    }
    await store.save(bucket)
    await store.save({ ...object, etag: "old" })
    await store.save(object)
    await store.save({ ...bucket, name: "removed" })
    await store.remove([{ ...bucket, name: "removed" }])
    await (await store.writeBlob()).write(Buffer.alloc(2_000_000)) // Neither committed nor aborted: a crash.
    expect(await readdir(join(path, "tmp"))).toHaveLength(1)
    await store.close()

    const reopened = diskStore(path)
    const records = await reopened.open()
    expect(records).toHaveLength(2)
    expect(records).toEqual(expect.arrayContaining([bucket, object]))
    expect(await readdir(join(path, "blobs"))).toEqual([kept])
    expect(await readdir(join(path, "tmp"))).toEqual([])
    await reopened.close()
  })

  it("serves one opener at a time", async () => {
    const store = diskStore(join(directory, "locked"))
    await store.open()
    await expect(diskStore(join(directory, "locked")).open()).rejects.toThrow(`in use by process ${process.pid}`)
    await store.close()
    const next = diskStore(join(directory, "locked"))
    await next.open()
    await next.close()
  })
})
