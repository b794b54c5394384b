/**
 * What the engine expects of every `ObjectStore`, as cases for any test runner.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { ConformanceCase } from "./ConformanceCase.ts"
import { answers } from "./store/answers.ts"
import { attempts } from "./store/attempts.ts"
import { copies } from "./store/copies.ts"
import type { StoreUnderTest } from "./store/StoreUnderTest.ts"
import { verbs } from "./store/verbs.ts"

export type { StoreUnderTest } from "./store/StoreUnderTest.ts"

/**
 * The promises of an object store, each as a case that any test runner can run.
 *
 * ```ts
 * import { ObjectStore } from "@sluice/core/ObjectStore"
 * import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
 * import { startS3 } from "@sluice/testkit"
 * import { objectStoreSuite, type StoreUnderTest } from "@sluice/testkit/conformance/object-store"
 * import * as Context from "effect/Context"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import { describe, it } from "vitest"
 *
 * const { endpoint, region, credentials } = await startS3({ buckets: ["media"] })
 * const open: StoreUnderTest["open"] = (endpoint) =>
 *   Effect.map(Layer.build(S3ObjectStore.layer({ bucket: "media", endpoint, region, credentials })), (context) =>
 *     Context.get(context, ObjectStore)
 *   )
 *
 * describe("my store", () => {
 *   for (const { name, run } of objectStoreSuite({ endpoint, open })) it(name, run)
 * })
 * ```
 */
export const objectStoreSuite = (under: StoreUnderTest): ReadonlyArray<ConformanceCase> =>
  Object.entries({ ...verbs, ...copies, ...(under.mayListen === false ? {} : { ...answers, ...attempts }) }).map(
    ([name, check]) => ({
      name,
      run: () =>
        Effect.runPromise(Effect.scoped(Effect.flatMap(under.open(under.endpoint), (store) => check(store, under))))
    })
  )
