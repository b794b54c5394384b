import { type S3Server, type S3ServerOptions, startS3Server } from "../s3/S3Server.ts"
import { FaultInjector, type FaultInjectorOptions } from "./FaultInjector.ts"

export interface FaultyS3Server extends S3Server {
  readonly faults: FaultInjector
}

export interface FaultyS3ServerOptions extends S3ServerOptions {
  /** Seed, clock and rules to begin with. */
  readonly faults?: FaultInjectorOptions
}

/**
 * Serves S3 on loopback, with faults on demand.
 *
 * @example
 * await using s3 = await startS3({ buckets: ["media"] })
 * s3.faults.add({ match: { op: "UploadPart", partNumber: 2 }, action: { type: "status", status: 503, code: "SlowDown" } })
 */
export async function startS3(options: FaultyS3ServerOptions = {}): Promise<FaultyS3Server> {
  const { clock = Date.now, faults: injector, ...server } = options
  const faults = new FaultInjector(injector)
  const skewed = () => clock() + faults.skewMs
  return { ...(await startS3Server({ ...server, clock: skewed }, faults.middleware)), faults }
}
