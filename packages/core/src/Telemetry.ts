/**
 * Every span, attribute and metric name, in one place.
 *
 * Names follow OpenTelemetry's conventions for AWS S3 (`aws.s3.*`, span name `S3.Operation`) and RPC.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { around, type ObjectStoreApi, type StoreOperation } from "./ObjectStore.ts"

/** Span names. */
export const spans = {
  upload: "sluice.upload",
  part: "sluice.part",
  sweep: "sluice.sweep",
  sweepSession: "sluice.sweep.session",
  operation: (operation: StoreOperation["_tag"]): string => `S3.${operation}`
} as const

/** Attribute names. */
export const attributes = {
  bucket: "aws.s3.bucket",
  key: "aws.s3.key",
  uploadId: "aws.s3.upload_id",
  partNumber: "aws.s3.part_number",
  requestId: "aws.request_id",
  errorType: "error.type",
  resendCount: "http.request.resend_count",
  rpcSystem: "rpc.system.name",
  rpcMethod: "rpc.method",
  sessionId: "sluice.upload.session_id",
  mode: "sluice.mode",
  sourceSize: "sluice.source.size",
  partSize: "sluice.part.size",
  partOffset: "sluice.part.offset",
  partAttempts: "sluice.part.attempts",
  partOutcome: "sluice.part.outcome",
  sweepOutcome: "sluice.sweep.outcome"
} as const

/** Span event of a retry, with `attempt`, `delay_ms` and `error.type`. */
export const retryEvent = "sluice.retry"

const seconds = { boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] }

/** Metrics. Never labelled with keys, upload ids, users or part numbers. */
export const metrics = {
  uploads: Metric.counter("sluice.uploads", { incremental: true, description: "Uploads by outcome" }),
  uploadDuration: Metric.histogram("sluice.upload.duration", { ...seconds, attributes: { unit: "s" } }),
  partDuration: Metric.histogram("sluice.part.duration", { ...seconds, attributes: { unit: "s" } }),
  partRetries: Metric.counter("sluice.part.retries", { incremental: true }),
  bytes: Metric.counter("sluice.bytes", { incremental: true, attributes: { unit: "By" } })
} as const

const operationAttributes = (bucket: string, operation: StoreOperation): Record<string, unknown> => {
  const { input } = operation
  return {
    [attributes.rpcSystem]: "aws-api",
    [attributes.rpcMethod]: `S3/${operation._tag}`,
    [attributes.bucket]: bucket,
    ...("key" in input ? { [attributes.key]: input.key } : {}),
    ...("uploadId" in input ? { [attributes.uploadId]: input.uploadId } : {}),
    ...("partNumber" in input ? { [attributes.partNumber]: input.partNumber } : {}),
    ...("attempt" in input && input.attempt > 1 ? { [attributes.resendCount]: input.attempt - 1 } : {})
  }
}

/** Where a span was opened is known from its name; a stack trace a span would cost more than the span. */
export const noStack = { captureStackTrace: false } as const

/** A store whose every call is a CLIENT span; one span an attempt, because the store makes one attempt a call. */
export const traced = (store: ObjectStoreApi): ObjectStoreApi =>
  around(store, (operation, run) =>
    run.pipe(
      Effect.tapError((error) =>
        Effect.annotateCurrentSpan({
          [attributes.errorType]: error.reason._tag,
          ...(error.requestId === undefined ? {} : { [attributes.requestId]: error.requestId })
        })
      ),
      Effect.withSpan(
        spans.operation(operation._tag),
        {
          kind: "client",
          attributes: operationAttributes(store.bucket, operation)
        },
        noStack
      )
    )
  )

/** Counts a stored part. */
export const partStored = (bytes: number, durationMs: number, attempts: number): Effect.Effect<void> =>
  Effect.all(
    [
      Metric.update(metrics.bytes, bytes),
      Metric.update(metrics.partDuration, durationMs / 1_000),
      ...(attempts > 1 ? [Metric.update(metrics.partRetries, attempts - 1)] : [])
    ],
    { discard: true }
  )
