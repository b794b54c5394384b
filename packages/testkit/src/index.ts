export { assertNothingLeft, type NothingLeftOptions } from "./assert-nothing-left.ts"
export {
  type CanaryCredentials,
  canaryCredentials,
  type FoundSecret,
  type SecretsScanner,
  secretsScanner
} from "./canary.ts"
export * from "./faults/public.ts"
export { type FaultyS3Server, type FaultyS3ServerOptions, startS3 } from "./faults/start-s3.ts"
export {
  findMinIO,
  type MinIO,
  type MinIOOptions,
  type MinIOOrigin,
  minIOSuite,
  servicesRequired,
  startMinIO
} from "./MinIO.ts"
export type { RealStore } from "./real/RealStore.ts"
export {
  providerOfStore,
  type RealStoreName,
  realStoreNames,
  realStoreSuite,
  startRealStore
} from "./real/real-stores.ts"
export * from "./store.ts"
