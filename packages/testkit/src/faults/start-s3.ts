import { type S3Server, type S3ServerOptions, startS3Server } from "../s3/S3Server.ts"
import { FaultInjector } from "./FaultInjector.ts"

export interface FaultyS3Server extends S3Server {
  readonly faults: FaultInjector
}

/**
 * Serves S3 on loopback, with faults on demand.
 *
 * @example
 * await using s3 = await startS3({ buckets: ["media"] })
 * s3.faults.add({ match: { op: "UploadPart", partNumber: 2 }, action: { type: "status", status: 503, code: "SlowDown" } })
 */
export async function startS3(options: S3ServerOptions = {}): Promise<FaultyS3Server> {
  const faults = new FaultInjector()
  return { ...(await startS3Server(options, faults.middleware)), faults }
}
