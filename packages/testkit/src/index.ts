export { assertNothingLeft, type NothingLeftOptions } from "./assert-nothing-left.ts"
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
