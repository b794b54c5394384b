/**
 * The transport of the runtime at hand.
 *
 * @module
 */
import type { Transport } from "./exchange.ts"
import { builtin } from "./node-builtins.ts"
import { fetchTransport } from "./transport-fetch.ts"
import { nodeTransport } from "./transport-node.ts"

/** `fetch` on Bun (fastest there) and where there are no sockets; `node:http(s)` elsewhere. */
export const makeTransport = (): Transport => {
  const http = builtin("node:http")
  const https = builtin("node:https")
  if ("Bun" in globalThis || http === undefined || https === undefined) return fetchTransport
  return nodeTransport({ http, https })
}
