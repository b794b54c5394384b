import { ObjectStore } from "@sluice/core/ObjectStore"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, describe, it } from "vitest"
import { objectStoreSuite, type StoreUnderTest } from "../src/conformance/object-store.ts"
import { minIOSuite, startMinIO, startS3 } from "../src/index.ts"

type Server = Awaited<ReturnType<typeof startS3 | typeof startMinIO>>

/** The suite on a server that starts with it. */
const onServer = (start: () => Promise<Server>): void => {
  let server: Server | undefined
  beforeAll(async () => {
    server = await start()
  })
  afterAll(() => server?.[Symbol.asyncDispose]())
  const running = (): Server => {
    if (server === undefined) throw new Error("the server is not running")
    return server
  }
  const under: StoreUnderTest = {
    get endpoint() {
      return running().endpoint
    },
    open: (endpoint) => {
      const { region, credentials } = running()
      return Effect.map(
        Layer.build(S3ObjectStore.layer({ bucket: "media", endpoint, region, credentials })),
        (context) => Context.get(context, ObjectStore)
      )
    }
  }
  for (const { name, run } of objectStoreSuite(under)) it(name, run)
}

describe("S3ObjectStore, embedded store", () => {
  onServer(() => startS3({ buckets: ["media"] }))
})

const { skip, title } = minIOSuite("S3ObjectStore, MinIO")
describe.skipIf(skip)(title, () => {
  onServer(async () => {
    const minio = await startMinIO()
    await minio.createBucket("media")
    return minio
  })
})
