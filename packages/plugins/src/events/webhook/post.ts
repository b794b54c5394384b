/**
 * One POST to a URL that a customer may have chosen: to the internet only, whatever its name resolves to.
 *
 * @module
 */
import { lookup } from "node:dns"
import * as http from "node:http"
import * as https from "node:https"
import { isIP, type LookupFunction } from "node:net"
import { isPublicAddress } from "./public-address.ts"

export interface Post {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Whether it may go to this machine and this network. */
  readonly allowPrivate: boolean
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

const refused = (host: string): Error =>
  new Error(`${host} is no address of the public internet; allowPrivate lets a webhook go there`)

/**
 * Resolves for this one connection, and connects to what was looked at: a name that resolves to another address a
 * moment later gains nothing.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, [])
    const allowed = addresses.filter(({ address }) => isPublicAddress(address))
    const [first] = allowed
    if (first === undefined) return callback(refused(hostname), [])
    if (options.all === true) return callback(null, allowed)
    callback(null, first.address, first.family)
  })
}

/** The status of the answer; its body is thrown away, and no redirect is followed. Rejects when there is none. */
export const post = ({ allowPrivate, body, headers, signal, timeoutMs, url }: Post): Promise<number> =>
  new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, "")
    // Who names an address is never asked to look one up.
    if (!allowPrivate && isIP(host) !== 0 && !isPublicAddress(host)) return reject(refused(host))
    const { request } = url.protocol === "https:" ? https : http
    const outgoing = request(url, {
      method: "POST",
      // No connection is kept: the next may have to be resolved anew.
      agent: false,
      headers: { ...headers, "content-length": Buffer.byteLength(body) },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      ...(allowPrivate ? {} : { lookup: publicLookup })
    })
    outgoing.once("error", reject)
    outgoing.once("response", (response) => {
      response.destroy()
      resolve(response.statusCode ?? 0)
    })
    outgoing.end(body)
  })
