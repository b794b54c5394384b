/**
 * Digests of the runtime, where it has them.
 *
 * @module
 */
import { md5Table } from "../internal/md5-table.ts"
import { builtin } from "./node-builtins.ts"

const crypto = builtin("node:crypto")

/** A digest that takes bytes as they come. */
export interface Hash {
  update(bytes: Uint8Array): unknown
  update(text: string, encoding: "hex"): unknown
  digest(encoding: "hex" | "base64"): string
}

/** A new digest. Without `node:crypto` there is an MD5 of our own, and no SHA-256 that takes bytes as they come. */
export function createHash(algorithm: "md5"): Hash
export function createHash(algorithm: "md5" | "sha256"): Hash | undefined
export function createHash(algorithm: "md5" | "sha256"): Hash | undefined {
  return crypto?.createHash(algorithm) ?? (algorithm === "md5" ? md5Table() : undefined)
}

/** Fewer bytes are hashed in less time than a thread is asked in. */
const worthAThread = 64 * 1024

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("")

/** SHA-256 of bytes in memory, in hex. Of few bytes at once, and so in one order under virtual time. */
export const sha256Hex = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  crypto !== undefined && bytes.length < worthAThread
    ? crypto.createHash("sha256").update(bytes).digest("hex")
    : hex(new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", bytes)))

/** SHA-256 of short texts, as signatures need it. */
export interface Sha256 {
  readonly hex: (text: string) => string
  readonly hmac: (key: string | Uint8Array, text: string) => Uint8Array
  /** HMACs in hex under one key, prepared once: with the key as bytes each would cost four times as much on Node. */
  readonly keyed: (key: Uint8Array) => (text: string) => string
}

/** Undefined where the runtime has no `node:crypto`. */
export const sha256: Sha256 | undefined =
  crypto === undefined
    ? undefined
    : {
        hex: (text) => crypto.createHash("sha256").update(text).digest("hex"),
        hmac: (key, text) => crypto.createHmac("sha256", key).update(text).digest(),
        keyed: (key) => {
          const prepared = crypto.createSecretKey(key)
          return (text) => crypto.createHmac("sha256", prepared).update(text).digest("hex")
        }
      }
