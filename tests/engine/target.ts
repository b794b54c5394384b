/** The suites of the engine's promises: on the embedded store, on MinIO, or on both. */
import { AbortMultipartUploadCommand, ListMultipartUploadsCommand, ListPartsCommand } from "@aws-sdk/client-s3"
import { type MinIOOptions, minIOSuite, servicesRequired, type startS3 } from "@sluice/testkit"
import { afterAll, beforeAll, describe, expect } from "vitest"
import { type EmbeddedTarget, type FaultyTarget, startEmbedded, startMinIOTarget, type Target } from "./stores.ts"

export * from "./stores.ts"

const during = <T extends Target>(start: () => Promise<T>, suite: (target: () => T) => void) => {
  let running: T | undefined
  beforeAll(async () => {
    running = await start()
  })
  afterAll(() => running?.[Symbol.asyncDispose]())
  suite(() => {
    if (running === undefined) throw new Error("the store is not running")
    return running
  })
}

/** Promises tried on the embedded store: those that need its faults. */
export const onEmbedded = (
  name: string,
  suite: (target: () => EmbeddedTarget) => void,
  options: Parameters<typeof startS3>[0] = {}
): void => {
  describe(`${name}, embedded store`, () => during(() => startEmbedded(options), suite))
}

/** Promises tried on MinIO alone. */
export const onMinIO = (name: string, suite: (target: () => Target) => void, options: MinIOOptions = {}): void => {
  const { skip, title } = minIOSuite(`${name}, MinIO`, options)
  describe.skipIf(skip)(title, () => during(() => startMinIOTarget(options), suite))
}

/** Promises tried on every store. */
export const onEveryStore = (name: string, suite: (target: () => Target) => void): void => {
  onEmbedded(name, suite)
  onMinIO(name, suite)
}

/**
 * Promises that need faults, tried on the embedded store always and on MinIO behind a proxy where services are required
 * (`npm run test:services`): the same rules strike both.
 */
export const onFaultyStores = (name: string, suite: (target: () => FaultyTarget) => void): void => {
  onEmbedded(name, suite)
  const behind = `${name}, MinIO behind faults`
  if (!servicesRequired()) describe.skip(`${behind} (skipped: npm run test:services)`, () => onlyNamed(suite))
  else describe(behind, () => during(() => startMinIOTarget(), suite))
}

/** A suite's tests without their store: they are counted, never run. */
const onlyNamed = (suite: (target: () => FaultyTarget) => void): void =>
  suite(() => {
    throw new Error("the store is not running")
  })

/** Multipart uploads that are open at a key, by a foreign client, with the numbers of their parts. */
export const openUploads = async ({ client, bucket: Bucket }: Target, Key: string) => {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: Key }))
  return Promise.all(
    Uploads.filter((upload) => upload.Key === Key).map(async ({ UploadId }) => {
      const { Parts = [] } = await client.send(new ListPartsCommand({ Bucket, Key, UploadId }))
      return { uploadId: UploadId, parts: Parts.map(({ PartNumber }) => PartNumber) }
    })
  )
}

/** Somebody else ends every multipart upload at a key. */
export const abortBehindItsBack = async ({ client, bucket: Bucket }: Target, Key: string): Promise<void> => {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: Key }))
  expect(Uploads.length, `uploads open at ${Key}`).toBeGreaterThan(0)
  for (const { UploadId } of Uploads) await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
}
