/**
 * A certificate of one day for this machine, and TLS before a sink.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { toolsDirectory } from "./sink.js"

const front = fileURLToPath(new URL("tls-front.js", import.meta.url))

/** @typedef {{ key: string, certificate: string }} Identity paths */

/**
 * Makes a key and a certificate for 127.0.0.1; undefined where there is no `openssl`.
 *
 * @returns {Identity | undefined}
 */
export const makeIdentity = () => {
  const key = `${toolsDirectory}tls-key.pem`
  const certificate = `${toolsDirectory}tls-certificate.pem`
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
  const made = spawnSync("openssl", [
    ...["req", "-x509", "-nodes", "-days", "1", ...curve, ...subject],
    ...["-keyout", key, "-out", certificate]
  ])
  return made.status === 0 ? { key, certificate } : undefined
}

/**
 * @param {string} endpoint the sink's
 * @param {Identity} identity
 * @returns {Promise<{ endpoint: string, stop: () => Promise<unknown> }>}
 */
export const startFront = async (endpoint, { key, certificate }) => {
  const child = spawn(process.execPath, [front, new URL(endpoint).port, key, certificate], {
    stdio: ["pipe", "pipe", "inherit"]
  })
  const exited = once(child, "exit")
  const port = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
  if (port.done === true) throw new Error("the TLS front did not start; its message is above")
  return {
    endpoint: `https://127.0.0.1:${port.value}`,
    stop: () => {
      child.stdin.end()
      return exited
    }
  }
}
