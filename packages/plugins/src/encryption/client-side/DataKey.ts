/**
 * The key of one object, and the keys that follow from it.
 *
 * @module
 */
import { type ChunkPlace, chunkData, commitmentInfo, nonceOf, partInfo } from "./Format.ts"

/** The key of one object. Nothing gives its bytes back but `wrap`'s argument. */
export interface DataKey {
  readonly commitment: Uint8Array
  /** The key of one part as it was sealed once: of its number and its salt. */
  readonly ofPart: (partNumber: number, salt: Uint8Array<ArrayBuffer>) => Promise<PartKey>
}

/** Seals and opens the chunks of one part. */
export interface PartKey {
  readonly seal: (place: ChunkPlace, plain: Uint8Array) => Promise<Uint8Array>
  /** Rejects when the bytes are not those that were sealed for this place. */
  readonly open: (place: ChunkPlace, sealed: Uint8Array) => Promise<Uint8Array<ArrayBuffer>>
}

/** Views of shared memory are none that WebCrypto takes; a part never is one. */
const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes.slice()

/** From 32 bytes, which may be wiped afterwards. */
export const makeDataKey = async (bytes: Uint8Array<ArrayBuffer>): Promise<DataKey> => {
  const root = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits", "deriveKey"])
  const hkdf = (salt: Uint8Array<ArrayBuffer>, info: Uint8Array<ArrayBuffer>) => ({
    name: "HKDF",
    hash: "SHA-256",
    salt,
    info
  })
  return {
    commitment: new Uint8Array(await crypto.subtle.deriveBits(hkdf(new Uint8Array(0), commitmentInfo()), root, 256)),
    ofPart: async (partNumber, salt) => {
      const algorithm = { name: "AES-GCM", length: 256 }
      const derivation = hkdf(salt, partInfo(partNumber))
      const key = await crypto.subtle.deriveKey(derivation, root, algorithm, false, ["encrypt", "decrypt"])
      const gcm = (place: ChunkPlace) => ({ name: "AES-GCM", iv: nonceOf(place), additionalData: chunkData(place) })
      return {
        seal: async (place, plain) => new Uint8Array(await crypto.subtle.encrypt(gcm(place), key, own(plain))),
        open: async (place, sealed) => new Uint8Array(await crypto.subtle.decrypt(gcm(place), key, own(sealed)))
      }
    }
  }
}
