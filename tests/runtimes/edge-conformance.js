/**
 * The promises of an object store, kept over fetch at the edge: a worker that workerd runs. The suite itself needs Node's
 * modules, and servers of its own, which a worker has not: what it asks of those is left out.
 *
 * @module
 */
import { ObjectStore } from "@sluice/core/ObjectStore"
import * as FetchObjectStore from "@sluice/core/s3/FetchObjectStore"
import { objectStoreSuite } from "@sluice/testkit/conformance/object-store"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { keep } from "./keep.js"

export default {
  /** @param {unknown} _controller @param {{ SLUICE_SMOKE: string }} env */
  async test(_controller, env) {
    const { store } = JSON.parse(env.SLUICE_SMOKE)
    const suite = objectStoreSuite({
      endpoint: store.endpoint,
      open: (endpoint) =>
        Effect.map(Layer.build(FetchObjectStore.layer({ ...store, endpoint })), (context) =>
          Context.get(context, ObjectStore)
        ),
      seesSockets: false,
      mayListen: false
    })
    if ((await keep("FetchObjectStore", suite)) > 0) throw new Error("promises are broken")
  }
}
