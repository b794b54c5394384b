import { createHash } from "node:crypto"
import type { S3Call } from "../S3Call.ts"
import { S3Error } from "../S3Error.ts"
import {
  algorithmOf,
  type ChecksumAlgorithm,
  checksums,
  DEFAULT_ALGORITHM,
  type Hasher,
  isChecksumAlgorithm
} from "./Checksum.ts"

export interface Verified {
  /** In hex. */
  readonly md5: string
  readonly size: number
  /** Present if the request or `wanted` named an algorithm. */
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly value: string }
  /** S3's own, if it was asked for. */
  readonly byDefault?: string
}

/** What is computed beside what a request claims. */
export interface Digests {
  readonly wanted?: ChecksumAlgorithm | undefined
  readonly byDefault?: boolean
}

/** Everything a request claims about its body, checked against the bytes as they stream past. */
export class Integrity {
  readonly #call: S3Call
  readonly #algorithm: ChecksumAlgorithm | undefined
  readonly #contentMd5: Buffer | undefined
  readonly #md5 = createHash("md5")
  readonly #sha256: Hasher | undefined
  readonly #checksum: Hasher | undefined
  readonly #byDefault: Hasher | undefined
  #size = 0
  #verified: Verified | undefined

  /**
   * Refuses contradictory claims before a byte is read. `wanted` is computed if the request names no algorithm, S3's own
   * if `byDefault`.
   */
  constructor(call: S3Call, { wanted, byDefault = false }: Digests = {}) {
    this.#call = call
    this.#contentMd5 = contentMd5(call)
    this.#algorithm = declaredAlgorithm(call) ?? wanted
    this.#checksum = this.#algorithm === undefined ? undefined : checksums[this.#algorithm].hasher()
    this.#byDefault = byDefault ? checksums[DEFAULT_ALGORITHM].hasher() : undefined
    this.#sha256 = /^[0-9a-f]{64}$/.test(call.payload) ? checksums.SHA256.hasher() : undefined
  }

  /** Passes the body through. Its end is only told when every claim held; else S3's refusal is thrown there. */
  async *watch(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of body) {
      this.#size += chunk.length
      this.#md5.update(chunk)
      this.#sha256?.update(chunk)
      this.#checksum?.update(chunk)
      this.#byDefault?.update(chunk)
      yield chunk
    }
    this.#verified = this.#verify()
  }

  /** Of a body that has been watched to its end. */
  get verified(): Verified {
    if (this.#verified === undefined) throw new Error("the body has not been read to its end")
    return this.#verified
  }

  #verify(): Verified {
    const md5 = this.#md5.digest()
    if (this.#sha256 !== undefined && this.#sha256.digest().toString("hex") !== this.#call.payload) {
      throw new S3Error("XAmzContentSHA256Mismatch")
    }
    if (this.#contentMd5 !== undefined && !this.#contentMd5.equals(md5)) {
      throw new S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")
    }
    const byDefault = this.#byDefault?.digest().toString("base64")
    const verified = { md5: md5.toString("hex"), size: this.#size, ...(byDefault === undefined ? {} : { byDefault }) }
    if (this.#algorithm === undefined || this.#checksum === undefined) return verified
    const value = this.#checksum.digest().toString("base64")
    const claimed = claimedChecksum(this.#call, this.#algorithm)
    if (claimed !== undefined && claimed !== value) {
      throw new S3Error("BadDigest", `The ${this.#algorithm} you specified did not match the calculated checksum.`)
    }
    return { ...verified, checksum: { algorithm: this.#algorithm, value } }
  }
}

/** The one algorithm that a request's checksum header, trailer or `x-amz-sdk-checksum-algorithm` names. */
export function declaredAlgorithm({ headers }: S3Call): ChecksumAlgorithm | undefined {
  const trailers = trailerNames(headers).filter((name) => name.startsWith("x-amz-checksum-"))
  const names = Object.keys(headers).filter((name) => name.startsWith("x-amz-checksum-") && !notValues.includes(name))
  if (names.length + trailers.length > 1) {
    throw new S3Error(
      "InvalidRequest",
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
    )
  }
  const [name] = [...names, ...trailers]
  const sdk = headers["x-amz-sdk-checksum-algorithm"]
  if (name === undefined) {
    // Of MD5 the SDKs send the digest as Content-MD5.
    if (sdk === undefined || (sdk.toUpperCase() === "MD5" && headers["content-md5"] !== undefined)) return undefined
    throw new S3Error(
      "InvalidRequest",
      "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
    )
  }
  const algorithm = algorithmOf(name)
  if (algorithm === undefined) {
    throw new S3Error("InvalidRequest", "The algorithm type you specified in x-amz-checksum- header is invalid.")
  }
  if (sdk !== undefined && !(isChecksumAlgorithm(sdk.toUpperCase()) && sdk.toUpperCase() === algorithm)) {
    throw new S3Error("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.")
  }
  return algorithm
}

const notValues = ["x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-checksum-mode"]

export const trailerNames = (headers: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  (headers["x-amz-trailer"] ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "")

function claimedChecksum(call: S3Call, algorithm: ChecksumAlgorithm): string | undefined {
  const { header, bytes } = checksums[algorithm]
  const value = call.headers[header] ?? call.trailers.get(header)
  if (value === undefined) return undefined
  if (!isBase64(value, bytes)) throw new S3Error("InvalidRequest", `Value for ${header} header is invalid.`)
  return value
}

function contentMd5({ headers }: S3Call): Buffer | undefined {
  const value = headers["content-md5"]
  if (value === undefined) return undefined
  if (!isBase64(value, 16)) throw new S3Error("InvalidDigest")
  return Buffer.from(value, "base64")
}

function isBase64(text: string, bytes: number): boolean {
  const decoded = Buffer.from(text, "base64")
  return decoded.length === bytes && decoded.toString("base64") === text
}
