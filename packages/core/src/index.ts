/**
 * Sluice: uploads to S3-compatible storage, shown identical, bounded in memory, leaving nothing behind.
 *
 * @module
 */
export * as Bandwidth from "./Bandwidth.ts"
export * as Batch from "./Batch.ts"
export { defaults, type EngineOptions, environment, presets } from "./Defaults.ts"
export * as Description from "./Description.ts"
export * as Digest from "./Digest.ts"
export * as FileJournal from "./FileJournal.ts"
export { Janitor, type JanitorOptions, type SweepReport } from "./Janitor.ts"
export * as Journal from "./Journal.ts"
export * as Limits from "./Limits.ts"
export * as ObjectStore from "./ObjectStore.ts"
export * as Objects from "./Objects.ts"
export * as Plugin from "./Plugin.ts"
export * as Progress from "./Progress.ts"
export * as Route from "./Route.ts"
export type { Session } from "./Session.ts"
export * as Source from "./Source.ts"
export type { Proof, StoredObject } from "./StoredObject.ts"
export * as S3ObjectStore from "./s3/S3ObjectStore.ts"
export * as Telemetry from "./Telemetry.ts"
export { isUploadError, type Reason, type ReasonTag, reject, UploadError, uploadError } from "./UploadError.ts"
export type { UploadEvent } from "./UploadEvent.ts"
export { type Priority, type UploadControl, Uploader, type UploadRequest } from "./Uploader.ts"
export * as Verification from "./Verification.ts"
