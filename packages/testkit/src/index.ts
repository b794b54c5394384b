export { assertNothingLeft, type NothingLeftOptions } from "./assert-nothing-left.ts"
export {
  type CanaryCredentials,
  canaryCredentials,
  type FoundSecret,
  type SecretsScanner,
  secretsScanner
} from "./canary.ts"
export { type ActiveFault, type FaultHit, FaultInjector } from "./faults/FaultInjector.ts"
export type { FaultAction, FaultMatch, FaultRule } from "./faults/FaultRule.ts"
export { type FaultyS3Server, startS3 } from "./faults/start-s3.ts"
export {
  findMinIO,
  type MinIO,
  type MinIOOptions,
  type MinIOOrigin,
  minIOSuite,
  servicesRequired,
  startMinIO
} from "./MinIO.ts"
export { type RecordingProxy, recordingProxy, type SeenUpload } from "./recording-proxy.ts"
export * from "./store.ts"
