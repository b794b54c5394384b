/**
 * The same in a page, of another origin than the store: bundled and opened by scripts/lib/run-page.js.
 *
 * @module
 */
import { createSluice } from "@sluice/core/create-sluice"
import { fetchS3 } from "@sluice/core/s3/FetchObjectStore"
import { asking, casesOf, MiB, run } from "./cases.js"

const tell = (/** @type {string} */ path, /** @type {string} */ body) => fetch(path, { method: "POST", body })
console.log = (/** @type {string} */ line) => void tell("/line", line)

const { store } = await (await fetch("/setting")).json()
const storeWith = (options = {}) => fetchS3({ ...store, ...options })
const sluice = createSluice({ store: storeWith(), partSize: 5 * MiB, concurrency: 3 })
// A bucket that is not there has no CORS rules, so that a browser tells no script how it was answered.
const { "a bucket that does not exist is a typed error": _, ...cases } = casesOf(
  sluice,
  storeWith,
  asking(location.origin)
)
const failed = await run(cases)
await tell("/end", String(failed))
