import { ObjectStore } from "@sluice/core/ObjectStore"
import * as FetchObjectStore from "@sluice/core/s3/FetchObjectStore"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, describe, it } from "vitest"
import { objectStoreSuite, type StoreUnderTest } from "../src/conformance/object-store.ts"
import { minIOSuite, startMinIO, startS3 } from "../src/index.ts"

type Server = Awaited<ReturnType<typeof startS3 | typeof startMinIO>>

const stores = [
  { name: "S3ObjectStore", layer: S3ObjectStore.layer, seesSockets: true },
  { name: "FetchObjectStore", layer: FetchObjectStore.layer, seesSockets: false }
]

/** The suite on a server that starts with it. */
const onServer = ({ layer, seesSockets }: (typeof stores)[number], start: () => Promise<Server>): void => {
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
      return Effect.map(Layer.build(layer({ bucket: "media", endpoint, region, credentials })), (context) =>
        Context.get(context, ObjectStore)
      )
    },
    seesSockets
  }
  for (const { name, run } of objectStoreSuite(under)) it(name, run)
}

describe.each(stores)("$name, embedded store", (store) => {
  onServer(store, () => startS3({ buckets: ["media"] }))
})

for (const store of stores) {
  const { skip, title } = minIOSuite(`${store.name}, MinIO`)
  describe.skipIf(skip)(title, () => {
    onServer(store, async () => {
      const minio = await startMinIO()
      await minio.createBucket("media")
      return minio
    })
  })
}
