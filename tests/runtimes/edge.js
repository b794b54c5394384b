/**
 * The same at the edge: a worker that workerd runs, bundled by scripts/test-runtimes.js, with Node's modules and without.
 *
 * @module
 */
import { createSluice } from "@sluice/core/create-sluice"
import { fetchS3 } from "@sluice/core/s3/FetchObjectStore"
import { asking, casesOf, MiB, run } from "./cases.js"

export default {
  /** @param {unknown} _controller @param {{ SLUICE_SMOKE: string }} env */
  async test(_controller, env) {
    const { store, witness } = JSON.parse(env.SLUICE_SMOKE)
    const storeWith = (options = {}) => fetchS3({ ...store, ...options })
    await using sluice = createSluice({ store: storeWith(), partSize: 5 * MiB, concurrency: 3 })
    const failed = await run(casesOf(sluice, storeWith, asking(witness)))
    if (failed > 0) throw new Error(`${failed} cases failed`)
  }
}
