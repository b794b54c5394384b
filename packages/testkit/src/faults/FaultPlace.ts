import type { ByteFault, ConnectionFault, FaultAction, FaultRule, RequestFault } from "./FaultRule.ts"

/** Where an injector stands, in words. */
const places = {
  server: "the embedded server",
  requests: "a proxy that reads HTTP",
  signer: "a proxy that reads HTTP and has credentials",
  connections: "a proxy of connections"
}

export type FaultPlace = keyof typeof places

const server: ReadonlyArray<FaultPlace> = ["server"]
const requests: ReadonlyArray<FaultPlace> = ["server", "requests"]
const connections: ReadonlyArray<FaultPlace> = ["connections"]
const signers: ReadonlyArray<FaultPlace> = ["server", "signer"]
const everywhere: ReadonlyArray<FaultPlace> = ["server", "requests", "connections"]

/** Where each fault can strike. */
export const placesOf: Readonly<Record<FaultAction["type"], ReadonlyArray<FaultPlace>>> = {
  status: requests,
  ok200WithError: requests,
  html200: requests,
  emptyBody: requests,
  blankBody: requests,
  dropBeforeCommit: requests,
  dropAfterCommit: requests,
  duplicate: requests,
  swap: requests,
  keepAlive: requests,
  wrongETag: requests,
  wrongChecksum: requests,
  ignoreSse: server,
  hideSse: requests,
  abortUpload: signers,
  expireCredentials: requests,
  clockJump: server,
  reset: everywhere,
  halfClose: everywhere,
  stall: everywhere,
  hang: everywhere,
  truncate: everywhere,
  corrupt: everywhere,
  delay: everywhere,
  slow: everywhere,
  slice: everywhere,
  blackhole: connections,
  refuse: connections,
  connectionLimit: connections,
  slowClose: connections
}

export const isForRequests = (action: FaultAction): action is RequestFault | ByteFault =>
  placesOf[action.type].includes("server")

export const isForConnections = (action: FaultAction): action is ByteFault | ConnectionFault =>
  placesOf[action.type].includes("connections")

const requestFields = ["op", "bucket", "key", "uploadId", "partNumber", "attempt"] as const

/**
 * The place where a rule strikes, of those that there are; throws, saying why, when it could never strike. Where
 * requests and connections would both do, it means requests: `connection: "any"` asks for the other.
 */
export function placeOf({ action, match = {} }: FaultRule, here: ReadonlyArray<FaultPlace>): FaultPlace {
  const able = placesOf[action.type]
  const named = requestFields.find((field) => match[field] !== undefined)
  if (named !== undefined && match.connection !== undefined) {
    throw new TypeError(`a rule means requests (${named}) or connections, not both`)
  }
  const wanted = able.filter((place) => (place === "connections" ? named : match.connection) === undefined)
  const place = wanted.find((place) => here.includes(place))
  if (place !== undefined) return place
  const [means, possible] =
    wanted.length === 0 || named !== undefined || match.connection !== undefined
      ? [` by ${named ?? "connection"}`, wanted]
      : ["", able]
  throw new TypeError(
    possible.length === 0
      ? `"${action.type}" cannot strike${means}`
      : `"${action.type}"${means} needs ${possible.map((place) => places[place]).join(" or ")}; this is ${here.map((place) => places[place]).join(" and ")}`
  )
}
