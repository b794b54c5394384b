import { Journal, Plugin, S3ObjectStore, Source, Telemetry, Uploader } from "@sluice/core"
import { startS3 } from "@sluice/testkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Tracer from "effect/Tracer"
import { expect, it } from "vitest"

const MiB = 1024 * 1024

/** A tracer that keeps every span it makes. */
const recorder = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}

it("every upload, part and attempt is a span, and a retry is an event of its part", async () => {
  await using server = await startS3({ buckets: ["media"] })
  server.faults.add({
    match: { op: "UploadPart", partNumber: 2 },
    action: { type: "status", status: 503, code: "SlowDown" }
  })
  const { spans, tracer } = recorder()
  const Live = Uploader.layer({ throttleBaseMs: 1 }).pipe(
    Layer.provide([
      S3ObjectStore.layer({
        bucket: "media",
        endpoint: server.endpoint,
        region: server.region,
        credentials: server.credentials
      }),
      Journal.layerMemory
    ])
  )
  await Effect.gen(function* () {
    const uploader = yield* Uploader
    yield* uploader.upload({ key: "talk.mp4", source: Source.fromBytes(new Uint8Array(12 * MiB)) })
  }).pipe(Effect.provide(Live), Effect.withTracer(tracer), Effect.runPromise)

  const named = (name: string) => spans.filter((span) => span.name === name)
  const [upload] = named("sluice.upload")
  expect(named("sluice.upload")).toHaveLength(1)
  expect(upload?.attributes.get("aws.s3.bucket")).toBe("media")
  expect(upload?.attributes.get("sluice.source.size")).toBe(12 * MiB)

  const parts = named("sluice.part")
  expect(parts.map((part) => part.attributes.get("aws.s3.part_number")).sort()).toEqual([1, 2])
  for (const part of parts) expect(part.parent).toMatchObject({ value: { spanId: upload?.spanId } })

  const second = parts.find((part) => part.attributes.get("aws.s3.part_number") === 2)
  const attempts = named("S3.UploadPart").filter((span) => span.attributes.get("aws.s3.part_number") === 2)
  expect(attempts).toHaveLength(2)
  for (const attempt of attempts) {
    expect(attempt.kind).toBe("client")
    expect(attempt.parent).toMatchObject({ value: { spanId: second?.spanId } })
  }
  expect(attempts[0]?.attributes.get("error.type")).toBe("Throttled")
  expect(attempts[0]?.attributes.get("aws.request_id")).toEqual(expect.any(String))
  expect(attempts[1]?.attributes.get("http.request.resend_count")).toBe(1)
  expect(second?.attributes.get("sluice.part.attempts")).toBe(2)
  expect(second?.events.map(([name, , attributes]) => [name, attributes?.["error.type"]])).toEqual([
    [Telemetry.retryEvent, "Throttled"]
  ])
  expect(named("S3.CreateMultipartUpload")).toHaveLength(1)
  expect(named("S3.CompleteMultipartUpload")).toHaveLength(1)
  const completed = { outcome: "completed" }
  const uploads = Metric.value(Metric.withAttributes(Telemetry.metrics.uploads, completed))
  const durations = Metric.value(Metric.withAttributes(Telemetry.metrics.uploadDuration, completed))
  expect((await Effect.runPromise(uploads)).count).toBe(1)
  expect((await Effect.runPromise(durations)).count).toBe(1)
  expect(JSON.stringify(spans.map((span) => [...span.attributes]))).not.toContain(server.credentials.secretAccessKey)
})

it("plugins may ask for services of their own, and the uploader's layer says which", async () => {
  class Audit extends Context.Service<Audit, { readonly write: (line: string) => Effect.Effect<void> }>()("Audit") {}
  class Clockwork extends Context.Service<Clockwork, { readonly tick: Effect.Effect<void> }>()("Clockwork") {}
  const audit = Plugin.make({
    name: "acme/audit",
    open: () =>
      Effect.map(Audit, ({ write }) => ({
        on: (event) => write(event._tag)
      }))
  })
  const ticking = Plugin.make({
    name: "acme/ticking",
    open: () => Effect.map(Clockwork, ({ tick }) => ({ finish: () => tick }))
  })
  await using server = await startS3({ buckets: ["media"] })
  const lines: Array<string> = []
  let ticks = 0
  const services = Layer.mergeAll(
    Layer.succeed(Audit, { write: (line) => Effect.sync(() => void lines.push(line)) }),
    Layer.succeed(Clockwork, { tick: Effect.sync(() => void ticks++) })
  )
  const store = S3ObjectStore.layer({
    bucket: "media",
    endpoint: server.endpoint,
    region: server.region,
    credentials: server.credentials
  })
  // Without `services` this does not compile: the layer asks for Audit and Clockwork.
  const Live: Layer.Layer<Uploader, unknown, Audit | Clockwork> = Uploader.layer({ plugins: [audit, ticking] }).pipe(
    Layer.provide([store, Journal.layerMemory])
  )
  await Effect.flatMap(Uploader, (uploader) => uploader.upload({ key: "a.txt", source: Source.text("hello") })).pipe(
    Effect.provide(Layer.provide(Live, services)),
    Effect.runPromise
  )
  expect(lines).toContain("UploadCompleted")
  expect(ticks).toBe(1)
})
