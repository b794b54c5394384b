/**
 * The second promise, end to end: a process that is told to stop in the middle, or whose client goes away, leaves
 * neither an upload on the store nor a file on disk.
 */
import { open, readdir } from "node:fs/promises"
import { request } from "node:http"
import { join } from "node:path"
import { Readable } from "node:stream"
import { diskStore, startS3 } from "@sluice/testkit"
import { expect, it, onTestFinished } from "vitest"
import { serve, start } from "../acceptance/sluice-process.ts"
import { MiB } from "./big-file.ts"
import { onEmbedded, onEveryStore, type Store } from "./store.ts"
import { makeDirectory } from "./temp-directory.ts"

/** How long a process may take to end and to leave nothing. */
const within = 5_000
/** Exit code after Ctrl-C: 128 + SIGINT. */
const stopped = 130

const emptyDirectory = async (): Promise<string> => {
  const { path, remove } = await makeDirectory()
  onTestFinished(remove)
  return path
}

/** A file of 64 GiB, more than can be sent before the test acts, at no cost: its bytes are holes. */
const endlessFile = async (): Promise<string> => {
  const path = join(await emptyDirectory(), "endless.bin")
  await using file = await open(path, "w")
  await file.truncate(64 * 1024 * MiB)
  return path
}

/** Bytes without an end, as fast as they are taken. */
const endless = (): Readable => {
  const block = Buffer.alloc(MiB, "sluice")
  return new Readable({
    read() {
      this.push(block)
    }
  })
}

/** `sluice upload SOURCE s3://…`, whose temporary directory is its own and empty. */
const upload = async (store: Store, args: ReadonlyArray<string>) => {
  const temporary = await emptyDirectory()
  const env = { ...store.throughProxy, TMPDIR: temporary }
  const { child, ended } = start(["upload", ...args, `s3://${store.bucket}/interrupted`], { env, cwd: temporary })
  const interrupt = async () => {
    const asked = performance.now()
    child.kill("SIGINT")
    const end = await ended
    return { ...end, tookMs: performance.now() - asked }
  }
  return { child, interrupt, temporary }
}

const silently = { code: stopped, out: "", err: "", tookMs: expect.toSatisfy((ms: number) => ms < within) }

/** `sluice serve` in front of the store, and a PUT without an end that it is in the middle of. */
const servePut = async (store: Store) => {
  const temporary = await emptyDirectory()
  const env = { ...store.throughProxy, SLUICE_BUCKET: store.bucket, TMPDIR: temporary }
  const server = await serve(env, temporary)
  const before = store.count("UploadPart")
  const body = endlessPut(server.url)
  await store.reached("UploadPart", before + 3)
  return { ...server, body, temporary }
}

const endlessPut = (url: string) => {
  const sent = request(`${url}/objects/interrupted`, { method: "PUT" })
  // It is cut, by us or by the server: that is what the test is about.
  sent.on("error", () => undefined)
  const body = endless()
  body.pipe(sent)
  sent.on("close", () => body.destroy())
  return sent
}

onEveryStore("Ctrl-C leaves nothing and ends at once", (store) => {
  it("in the middle of a file with --no-resume", async () => {
    const before = store().count("UploadPart")
    const { interrupt, temporary } = await upload(store(), ["--no-resume", await endlessFile()])
    await store().reached("UploadPart", before + 6)
    expect(await interrupt()).toMatchObject(silently)
    await store().assertNothingLeft([temporary])
  })

  it("in the middle of a pipe that flows", async () => {
    const before = store().count("UploadPart")
    const { child, interrupt, temporary } = await upload(store(), ["-"])
    const source = endless()
    source.pipe(child.stdin)
    await store().reached("UploadPart", before + 6)
    expect(await interrupt()).toMatchObject(silently)
    source.destroy()
    await store().assertNothingLeft([temporary])
  })

  it("in the middle of a pipe that has gone silent", async () => {
    const before = store().count("UploadPart")
    const { child, interrupt, temporary } = await upload(store(), ["-"])
    child.stdin.write(Buffer.alloc(20 * MiB))
    await store().reached("UploadPart", before + 2)
    expect(await interrupt()).toMatchObject(silently)
    await store().assertNothingLeft([temporary])
  })
})

onEmbedded("Ctrl-C ends at once whatever the store does", (store) => {
  it("leaves nothing where the store takes no more of a part", async () => {
    const action = { type: "stall", afterBytes: MiB } as const
    store().faults.add({ match: { op: "UploadPart", partNumber: 3 }, action })
    const { interrupt, temporary } = await upload(store(), ["--no-resume", await endlessFile()])
    await expect.poll(() => store().faults.hits.length, { timeout: 20_000 }).toBe(1)
    expect(await interrupt()).toMatchObject(silently)
    expect(store().openUploads()).toEqual([])
    expect(await readdir(temporary)).toEqual([])
  })

  it("says what may be left where the store does not answer at all", async () => {
    store().faults.add({ match: { op: "AbortMultipartUpload" }, action: { type: "stall", afterBytes: 0 } })
    const before = store().count("UploadPart")
    const { interrupt } = await upload(store(), ["--no-resume", await endlessFile()])
    await store().reached("UploadPart", before + 2)
    expect(await interrupt()).toMatchObject({ ...silently, err: expect.stringContaining("may be left") })
    expect(store().openUploads()).toHaveLength(1)
  })
})

onEveryStore("a PUT to sluice serve that does not end leaves nothing", (store) => {
  it("when its client goes away", async () => {
    const { body, directory, temporary } = await servePut(store())
    const before = store().count("AbortMultipartUpload")
    body.destroy()
    await store().reached("AbortMultipartUpload", before + 1)
    await store().assertNothingLeft([temporary, directory])
  })

  it("when the server is told to end, which it does at once", async () => {
    const { child, directory, ended, temporary } = await servePut(store())
    const asked = performance.now()
    child.kill("SIGTERM")
    expect(await ended).toMatchObject({ code: 0, err: "" })
    expect(performance.now() - asked).toBeLessThan(within)
    await store().assertNothingLeft([temporary, directory])
  })
})

it("sluice serve on its development store, told to end in the middle of a PUT, leaves nothing in .sluice/", async () => {
  const temporary = await emptyDirectory()
  const { child, directory, ended, url } = await serve({ TMPDIR: temporary })
  endlessPut(url)
  const blobs = join(directory, ".sluice/blobs")
  await expect.poll(() => readdir(blobs).then((names) => names.length), { timeout: 20_000 }).toBeGreaterThan(2)
  child.kill("SIGTERM")
  expect(await ended).toMatchObject({ code: 0, err: "" })
  expect(await readdir(temporary)).toEqual([])
  expect(await readdir(blobs)).toEqual([])
  expect(await readdir(join(directory, ".sluice/tmp"))).toEqual([])
  await using again = await startS3({ store: diskStore(join(directory, ".sluice")) })
  expect(again.openUploads()).toEqual([])
})
