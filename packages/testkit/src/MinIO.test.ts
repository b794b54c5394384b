import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { describe, expect, it, vi } from "vitest"
import { findMinIO, type MinIO, minIOSuite, servicesRequired, startMinIO } from "./MinIO.ts"

const client = (minio: MinIO) => new S3Client({ ...minio, forcePathStyle: true, maxAttempts: 1 })

describe("finding MinIO", () => {
  it("an endpoint in the environment wins over every binary", () => {
    expect(findMinIO({}, { SLUICE_MINIO_ENDPOINT: "http://127.0.0.1:9000", SLUICE_MINIO_BIN: "/bin/sh" })).toEqual({
      kind: "endpoint",
      endpoint: "http://127.0.0.1:9000"
    })
  })

  it("a server without a key is always our own, because a running one cannot lose its key", () => {
    expect(
      findMinIO({ kms: false }, { SLUICE_MINIO_ENDPOINT: "http://127.0.0.1:9000", SLUICE_MINIO_BIN: "/bin/sh" })
    ).toEqual({ kind: "binary", path: "/bin/sh" })
  })

  it("a binary that is named but absent is not replaced by another one", () => {
    expect(findMinIO({}, { SLUICE_MINIO_BIN: "/nonexistent/minio", PATH: process.env["PATH"] })).toBeUndefined()
  })

  it("the binary on PATH is found", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sluice-path-"))
    try {
      await writeFile(join(directory, "minio"), "")
      expect(findMinIO({}, { PATH: `/nonexistent:${directory}` })?.kind).toBe("binary")
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it("services are required only where the environment says exactly that", () => {
    expect(servicesRequired({ SLUICE_SERVICES: "required" })).toBe(true)
    expect(servicesRequired({ SLUICE_SERVICES: "optional" })).toBe(false)
    expect(servicesRequired({})).toBe(false)
  })
})

const own = minIOSuite("a MinIO of our own", { kms: false })
describe.skipIf(own.skip)(own.title, () => {
  it("answers as soon as it is started, and its process and data are gone when it is closed", async () => {
    const temporary = await mkdtemp(join(tmpdir(), "sluice-test-"))
    vi.stubEnv("TMPDIR", temporary)
    try {
      const minio = await startMinIO({ kms: false })
      await minio.createBucket("ours").finally(minio.close)
      await expect(fetch(minio.endpoint)).rejects.toThrow()
      expect(await readdir(temporary)).toEqual([])
    } finally {
      vi.unstubAllEnvs()
      await rm(temporary, { recursive: true })
    }
  })

  it("ends with the process that started it, however that one ends", async () => {
    const temporary = await mkdtemp(join(tmpdir(), "sluice-test-"))
    const module = new URL("./MinIO.ts", import.meta.url).href
    const script = `console.log((await (await import("${module}")).startMinIO({ kms: false })).endpoint)`
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ["ignore", "pipe", "inherit"]
    })
    try {
      const [endpoint] = await once(parent.stdout, "data")
      parent.kill("SIGKILL")
      await expect.poll(() => readdir(temporary)).toEqual([])
      await expect(fetch(String(endpoint).trim())).rejects.toThrow()
    } finally {
      await rm(temporary, { recursive: true })
    }
  })

  it("a binary that is no server is reported with what it said", async () => {
    vi.stubEnv("SLUICE_MINIO_BIN", "/bin/false")
    try {
      await expect(startMinIO({ kms: false })).rejects.toThrow("MinIO did not start")
    } finally {
      vi.unstubAllEnvs()
    }
  })

  it("refuses SSE-S3 when it has no key", async () => {
    await using minio = await startMinIO({ kms: false })
    await minio.createBucket("plain")
    const put = new PutObjectCommand({ Bucket: "plain", Key: "k", Body: "x", ServerSideEncryption: "AES256" })
    const s3 = client(minio)
    await expect(s3.send(put)).rejects.toMatchObject({ name: "NotImplemented" })
    s3.destroy()
  })
})

const withKey = minIOSuite("a MinIO with a key")
describe.skipIf(withKey.skip)(withKey.title, () => {
  it("encrypts with SSE-S3 and says so", async () => {
    await using minio = await startMinIO()
    const bucket = `sealed-${randomUUID()}`
    await minio.createBucket(bucket)
    const put = new PutObjectCommand({ Bucket: bucket, Key: "k", Body: "x", ServerSideEncryption: "AES256" })
    const s3 = client(minio)
    await expect(s3.send(put)).resolves.toMatchObject({ ServerSideEncryption: "AES256" })
    s3.destroy()
  })
})
