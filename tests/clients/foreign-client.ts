/**
 * What every foreign client does with the embedded server: the cases that are alike for all.
 */
import { randomBytes } from "node:crypto"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type FaultyS3Server, startS3 } from "@sluice/testkit"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const MiB = 2 ** 20
export const bucket = "media"

/** A server with one bucket, and a directory for the client's files and settings. */
export interface Place {
  readonly server: FaultyS3Server
  readonly directory: string
  /** A new file with random bytes. */
  readonly file: (size: number) => Promise<string>
}

/** The verbs, in the client's own words. Local paths and keys are given whole. */
export interface ForeignClient {
  readonly put: (from: string, key: string) => Promise<unknown>
  readonly get: (key: string, to: string) => Promise<unknown>
  /** The keys below a prefix that ends in `/`. */
  readonly list: (prefix: string) => Promise<ReadonlyArray<string>>
  readonly remove: (key: string) => Promise<unknown>
  /** Within the store. */
  readonly copy: (from: string, to: string) => Promise<unknown>
}

export interface ForeignClientOptions {
  /** The suite's name, and whether it is skipped. */
  readonly title: string
  readonly skip?: boolean
  /** Told once, before the cases: part size 5 MiB or what is next to it, so that 12 MiB are several parts. */
  readonly connect: (place: Place) => ForeignClient | Promise<ForeignClient>
  /** What this client does beyond the verbs. */
  readonly more?: (place: () => Place, client: () => ForeignClient) => void
}

export function foreignClient({ title, skip = false, connect, more }: ForeignClientOptions): void {
  describe.skipIf(skip)(`foreign client: ${title}`, { timeout: 120_000 }, () => {
    let started: { readonly place: Place; readonly client: ForeignClient } | undefined
    beforeAll(async () => {
      const directory = await mkdtemp(join(tmpdir(), "sluice-client-"))
      const server = await startS3({ buckets: [bucket] })
      let files = 0
      const file = async (size: number) => {
        const path = join(directory, `source-${++files}`)
        await writeFile(path, randomBytes(size))
        return path
      }
      const place = { server, directory, file }
      started = { place, client: await connect(place) }
    })
    afterAll(async () => {
      await started?.place.server.close()
      if (started !== undefined) await rm(started.place.directory, { recursive: true, force: true })
    })
    const running = () => {
      if (started === undefined) throw new Error("the server is not running")
      return started
    }

    const roundTrip = async (key: string, size: number) => {
      const { place, client } = running()
      const source = await place.file(size)
      const back = join(place.directory, "back")
      await client.put(source, key)
      const bytes = await readFile(source)
      expect(bytes.equals((await place.server.object(bucket, key)) ?? Buffer.of(0)), "as stored").toBe(true)
      await client.get(key, back)
      expect(bytes.equals(await readFile(back)), "as read back").toBe(true)
      await rm(back)
      expect(place.server.openUploads()).toEqual([])
    }

    it("puts and gets a small object, byte for byte", () => roundTrip("small/one.bin", 100_000))

    it("puts and gets an object of no bytes", () => roundTrip("small/none.bin", 0))

    it("puts and gets under a key that needs encoding", () => roundTrip("odd/a b+c (1) ümlaut.bin", 1_000))

    it("puts a large object in parts, and gets it byte for byte", async () => {
      await roundTrip("large/parts.bin", 12 * MiB + 1)
      const ops = running()
        .place.server.requests.filter(({ key }) => key === "large/parts.bin")
        .map(({ op }) => op)
      expect(ops.filter((op) => op === "CreateMultipartUpload")).toHaveLength(1)
      expect(ops.filter((op) => op === "UploadPart").length).toBeGreaterThanOrEqual(2)
      expect(ops.filter((op) => op === "CompleteMultipartUpload")).toHaveLength(1)
    })

    it("lists what is there, and removes it", async () => {
      const { place, client } = running()
      const source = await place.file(10)
      for (const key of ["listed/a.bin", "listed/b c.bin"]) await client.put(source, key)
      expect([...(await client.list("listed/"))].sort()).toEqual(["listed/a.bin", "listed/b c.bin"])
      await client.remove("listed/a.bin")
      expect(await client.list("listed/")).toEqual(["listed/b c.bin"])
      expect(await place.server.object(bucket, "listed/a.bin")).toBeUndefined()
    })

    it("copies within the store", async () => {
      const { place, client } = running()
      await client.put(await place.file(10_000), "copies/from.bin")
      await client.copy("copies/from.bin", "copies/to.bin")
      const [from, to] = await Promise.all(
        ["from", "to"].map((name) => place.server.object(bucket, `copies/${name}.bin`))
      )
      expect(to).toBeDefined()
      expect(to).toEqual(from)
    })

    more?.(
      () => running().place,
      () => running().client
    )
  })
}
