/**
 * The stores that whole processes upload to: the embedded one on disk, and MinIO; each behind a proxy that remembers
 * every multipart upload.
 */
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import {
  assertNothingLeft,
  diskStore,
  type FaultyS3Server,
  type MinIO,
  minIOSuite,
  type Operation,
  recordingProxy,
  startMinIO,
  startS3
} from "@sluice/testkit"
import { afterAll, beforeAll, describe, expect } from "vitest"
import { makeDirectory } from "./temp-directory.ts"

type Environment = Readonly<Record<string, string>>
type Service = Pick<MinIO, "endpoint" | "region" | "credentials" | "close">

export interface Store {
  readonly bucket: string
  /** What `sluice` needs to know; it goes through the proxy. */
  readonly throughProxy: Environment
  /** What a foreign client needs to know; straight to the store. */
  readonly direct: Environment
  /** Requests of one operation that came through the proxy so far. */
  readonly count: (operation: Operation) => number
  /** Waits until as many requests have arrived. */
  readonly reached: (operation: Operation, count: number) => Promise<void>
  /** Waits for the store's last answer; then fails if an upload is open, or if one of these directories holds a file. */
  readonly assertNothingLeft: (directories?: ReadonlyArray<string>) => Promise<void>
}

export interface EmbeddedStore extends Store {
  readonly faults: FaultyS3Server["faults"]
  /** Also while the store owes answers. */
  readonly openUploads: FaultyS3Server["openUploads"]
}

interface Running<S extends Store> {
  readonly store: S
  readonly stop: () => Promise<void>
}

/** A bucket of this run's own: a MinIO named by the environment lives on. */
const bucket = `sluice-big-${process.pid}-${Date.now().toString(36)}`

const behindProxy = async (service: Service): Promise<Running<Store>> => {
  const { region, credentials } = service
  const proxy = await recordingProxy(service.endpoint)
  const environment = (endpoint: string): Environment => ({
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey
  })
  return {
    store: {
      bucket,
      throughProxy: environment(proxy.endpoint),
      direct: environment(service.endpoint),
      count: proxy.count,
      reached: (operation, count) =>
        expect.poll(() => proxy.count(operation), { timeout: 20_000 }).toBeGreaterThanOrEqual(count),
      assertNothingLeft: async (tempDirectories = []) => {
        await proxy.idle()
        await assertNothingLeft({ ...service, uploads: proxy.uploads, tempDirectories })
      }
    },
    stop: async () => {
      await proxy.close()
      await service.close()
    }
  }
}

const startEmbedded = async (): Promise<Running<EmbeddedStore>> => {
  const directory = await makeDirectory()
  const server = await startS3({ store: diskStore(directory.path), buckets: [bucket] })
  const { store, stop } = await behindProxy(server)
  return {
    store: {
      ...store,
      faults: server.faults,
      openUploads: server.openUploads,
      assertNothingLeft: async (directories = []) => {
        await store.assertNothingLeft(directories)
        // The server discards what a cut connection sent when it has noticed, not when the client has gone.
        await expect.poll(() => readdir(join(directory.path, "tmp")), { timeout: 10_000 }).toEqual([])
      }
    },
    stop: async () => {
      await stop()
      await directory.remove()
    }
  }
}

const startOnMinIO = async (): Promise<Running<Store>> => {
  const minio = await startMinIO()
  await minio.createBucket(bucket)
  return behindProxy(minio)
}

const during = <S extends Store>(start: () => Promise<Running<S>>, suite: (store: () => S) => void): void => {
  let running: Running<S> | undefined
  beforeAll(async () => {
    running = await start()
  })
  afterAll(() => running?.stop())
  suite(() => {
    if (running === undefined) throw new Error("the store is not running")
    return running.store
  })
}

/** Says in a suite's title why it is skipped. */
interface Named {
  readonly title: string
  readonly skip: boolean
}
const always = (title: string): Named => ({ title, skip: false })

export const onEmbedded = (
  name: string,
  suite: (store: () => EmbeddedStore) => void,
  needs: (title: string) => Named = always
): void => {
  const { title, skip } = needs(`${name}, embedded store on disk`)
  describe.skipIf(skip)(title, () => during(startEmbedded, suite))
}

export const onMinIO = (
  name: string,
  suite: (store: () => Store) => void,
  needs: (title: string) => Named = always
): void => {
  const minio = minIOSuite(`${name}, MinIO`)
  const { title, skip } = minio.skip ? minio : needs(minio.title)
  describe.skipIf(skip)(title, () => during(startOnMinIO, suite))
}

export const onEveryStore = (
  name: string,
  suite: (store: () => Store) => void,
  needs: (title: string) => Named = always
): void => {
  onEmbedded(name, suite, needs)
  onMinIO(name, suite, needs)
}
