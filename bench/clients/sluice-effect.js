/**
 * Sluice in Effect with a file: `node sluice-effect.js plain|spans|plugins`. `spans`: a tracer keeps every span, as an
 * exporter would until it sends them. `plugins`: ten that look on and do nothing.
 */
import * as Journal from "@sluice/core/Journal"
import * as Source from "@sluice/core/Source"
import * as S3ObjectStore from "@sluice/core/s3/S3ObjectStore"
import { Uploader } from "@sluice/core/Uploader"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Tracer from "effect/Tracer"
import { measure } from "../measure.js"

const variant = process.argv[2]

/** @type {Array<Tracer.Span>} */
const kept = []
const keeper = Tracer.make({
  span: (options) => {
    const span = new Tracer.NativeSpan(options)
    kept.push(span)
    return span
  }
})

/** @type {ReadonlyArray<import("@sluice/core/Plugin").Plugin>} */
const onlookers = Array.from({ length: variant === "plugins" ? 10 : 0 }, (_, i) => ({
  name: `bench/onlooker-${i}`,
  open: () => Effect.succeed({ on: () => Effect.void })
}))

await measure(async ({ endpoint, file }) => {
  const store = S3ObjectStore.layer({
    bucket: "bench",
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "bench", secretAccessKey: "bench" }
  })
  const live = Uploader.layer({ plugins: onlookers }).pipe(Layer.provide([store, Journal.layerMemory]))
  const upload = Uploader.use((uploader) => uploader.upload({ key: "object", source: Source.file(file) }))
  const program = upload.pipe(Effect.provide(live))
  await Effect.runPromise(variant === "spans" ? Effect.withTracer(program, keeper) : program)
})
