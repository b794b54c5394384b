import { type RecordingProxy, type RecordingProxyOptions, recordingProxy } from "../recording-proxy.ts"
import type { Credentials } from "../s3/auth/Credentials.ts"
import { FaultInjector, type FaultInjectorOptions } from "./FaultInjector.ts"
import type { FaultPlace } from "./FaultPlace.ts"
import { type ProxyTraffic, tcpProxy } from "./tcp-proxy.ts"

export interface FaultProxyOptions extends FaultInjectorOptions {
  /** The endpoint that it stands before. Of `https` it passes the bytes on and reads nothing. */
  readonly target: string
  /** 127.0.0.1 by default. */
  readonly host?: string
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** For the fault `abortUpload` alone. */
  readonly credentials?: Credentials
  /** `us-east-1` by default. */
  readonly region?: string
}

export interface FaultProxy extends AsyncDisposable {
  /** Give this to the client in place of the target; its scheme is the target's. */
  readonly endpoint: string
  readonly port: number
  readonly faults: FaultInjector
  readonly seed: number
  /** What was asked; undefined where the target speaks TLS. */
  readonly requests: RecordingProxy["requests"] | undefined
  traffic(): ProxyTraffic
  /** Nobody listens any more (ECONNREFUSED) and every connection is reset, until `up`. */
  down(): Promise<void>
  /** Listens again, at the same port. */
  up(): Promise<void>
  /** Ends every connection, those that faults hold included. */
  close(): Promise<void>
}

/**
 * Stands before any S3 endpoint with faults on demand: of connections, as networks have them, and, before plain http, of
 * requests, as stores and load balancers have them. Before https only connections can be struck.
 *
 * @example
 * await using proxy = await faultProxy({ target: minio.endpoint, seed: 7 })
 * proxy.faults.add({ match: { connection: "any", probability: 0.1 }, action: { type: "reset", afterBytes: 100_000 }, times: Infinity })
 */
export async function faultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { host = "127.0.0.1", port = 0, target, credentials, region } = options
  const { hostname, port: named, protocol } = new URL(target)
  if (protocol !== "http:" && protocol !== "https:") throw new TypeError(`${target} is no http or https endpoint`)
  const access: RecordingProxyOptions = {
    ...(credentials === undefined ? {} : { credentials }),
    ...(region === undefined ? {} : { region })
  }
  const readsHttp = protocol === "http:"
  const places: ReadonlyArray<FaultPlace> = [
    ...(readsHttp ? (["requests"] as const) : []),
    ...(readsHttp && credentials !== undefined ? (["signer"] as const) : []),
    "connections"
  ]
  const faults = new FaultInjector(options, places)
  const http = readsHttp ? await recordingProxy(target, { ...access, faults }) : undefined
  const behind =
    http === undefined
      ? { host: hostname.replace(/^\[|\]$/g, ""), port: Number(named === "" ? 443 : named) }
      : { host: "127.0.0.1", port: Number(new URL(http.endpoint).port) }
  const tcp = await tcpProxy({ target: behind, faults, host, port }).catch(async (error: unknown) => {
    await http?.close()
    throw error
  })
  const close = async () => {
    await tcp.close()
    await http?.close()
  }
  return {
    endpoint: `${protocol}//${host}:${tcp.port}`,
    port: tcp.port,
    faults,
    seed: faults.seed,
    requests: http?.requests,
    traffic: tcp.traffic,
    down: tcp.down,
    up: tcp.up,
    close,
    [Symbol.asyncDispose]: close
  }
}
