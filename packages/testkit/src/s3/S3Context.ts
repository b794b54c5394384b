import type { Sessions } from "./auth/Sessions.ts"
import type { KmsKeys } from "./encryption/KmsKeys.ts"
import type { S3Response } from "./message.ts"
import type { S3Call } from "./S3Call.ts"
import type { S3Model } from "./S3Model.ts"

/** What operations work with. */
export interface S3Context {
  readonly model: S3Model
  readonly region: string
  /** `false`: requests for server-side encryption are ignored in silence, as some stores without a KMS do. */
  readonly serverSideEncryption: boolean
  /** The keys that SSE-KMS may name, beside the managed one; read at every request. */
  readonly kmsKeys?: KmsKeys | undefined
  /** Whether requests come over TLS. */
  readonly secure?: boolean | undefined
  /** Takes the keys of SSE-C over plain HTTP too, where S3 refuses them. */
  readonly allowInsecureSseC?: boolean | undefined
  /** `true`: a repeated Complete of the object's own upload answers 200 again, as AWS does for a while. */
  readonly idempotentComplete: boolean
  /** `true`: what comes without a checksum is given a CRC64NVME, as on AWS. */
  readonly defaultChecksum?: boolean | undefined
  /** The account that owns every bucket, in twelve digits; `x-amz-expected-bucket-owner` is compared with it. */
  readonly accountId?: string | undefined
  /** Given to whoever asks for one by CreateSession. */
  readonly sessions?: Sessions | undefined
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

/** One operation of the S3 API. */
export type Handler = (call: S3Call, context: S3Context) => Promise<S3Response>
