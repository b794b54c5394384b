export type { LifecycleEvent } from "./s3/apply-lifecycle.ts"
export type { Credentials } from "./s3/auth/Credentials.ts"
export type { Access, Principal, Rule } from "./s3/auth/Principal.ts"
export type { KmsKeyState, KmsKeys } from "./s3/encryption/KmsKeys.ts"
export { Hangup, type S3Request, type S3Response, type S3Stream } from "./s3/message.ts"
export type { Operation } from "./s3/Operation.ts"
export type { Profile, Quirk } from "./s3/profiles/Profile.ts"
export { type Provider, profiles } from "./s3/profiles/profiles.ts"
export { type JournalEntry, RequestJournal, type TurnedAway } from "./s3/RequestJournal.ts"
export type { Middleware, S3Call } from "./s3/S3Call.ts"
export { makeS3Handler, type S3Handler, type S3HandlerOptions } from "./s3/S3Handler.ts"
export { S3Model } from "./s3/S3Model.ts"
export {
  type OpenUpload,
  type S3Server,
  type S3ServerOptions,
  type StoredPart,
  startS3Server as startS3
} from "./s3/S3Server.ts"
export type { Traffic } from "./s3/serve-http.ts"
export { diskStore } from "./s3/store/disk-store.ts"
export { memoryStore } from "./s3/store/memory-store.ts"
export type { BlobWriter, S3Store } from "./s3/store/S3Store.ts"
export { syntheticBytes } from "./s3/store/synthetic-bytes.ts"
export { syntheticStore } from "./s3/store/synthetic-store.ts"
