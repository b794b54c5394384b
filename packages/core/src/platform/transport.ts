/**
 * The transport of the runtime at hand.
 *
 * @module
 */
import type { Bandwidth } from "../Bandwidth.ts"
import type { Transport } from "./exchange.ts"
import { builtin } from "./node-builtins.ts"
import { limiterOf } from "./rate-limiter.ts"
import { fetchTransport } from "./transport-fetch.ts"
import { nodeTransport } from "./transport-node.ts"

/**
 * `fetch` on Bun (fastest there) and where there are no sockets; `node:http(s)` elsewhere. `fetch` keeps no count of
 * its connections: `maxSockets` binds `node:http(s)` alone.
 */
export const makeTransport = (bandwidth: Bandwidth | undefined, maxSockets?: number): Transport => {
  const limiter = limiterOf(bandwidth)
  const http = builtin("node:http")
  const https = builtin("node:https")
  if ("Bun" in globalThis || http === undefined || https === undefined) return fetchTransport(limiter)
  return nodeTransport({ http, https }, limiter, maxSockets)
}
