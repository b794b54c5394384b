/**
 * The promises of an object store, kept by both stores wherever they run: started once by each runtime, see
 * scripts/test-runtimes.js. Prints one line a store, and one for each promise that is broken; exits 1 if any is.
 */
import { ObjectStore } from "@sluice/core/ObjectStore"
import * as FetchObjectStore from "@sluice/core/s3/FetchObjectStore"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import { objectStoreSuite } from "@sluice/testkit/conformance/object-store"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { keep } from "./keep.js"

/** @type {{ store: Parameters<typeof S3ObjectStore.layer>[0] & { endpoint: string } }} */
const { store } = JSON.parse(process.env["SLUICE_SMOKE"] ?? "{}")

const isBun = "Bun" in globalThis
const stores = {
  // On Bun both stores go through fetch.
  S3ObjectStore: { layer: S3ObjectStore.layer, seesSockets: !isBun },
  FetchObjectStore: { layer: FetchObjectStore.layer, seesSockets: false }
}

let failed = 0
for (const [name, { layer, seesSockets }] of Object.entries(stores)) {
  const suite = objectStoreSuite({
    endpoint: store.endpoint,
    open: (endpoint) =>
      Effect.map(Layer.build(layer({ ...store, endpoint })), (context) => Context.get(context, ObjectStore)),
    seesSockets,
    hearsEarlyAnswers: !("Deno" in globalThis)
  })
  failed += await keep(name, suite)
}
process.exit(failed === 0 ? 0 : 1)
