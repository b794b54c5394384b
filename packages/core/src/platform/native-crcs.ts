/**
 * CRC32C and CRC64NVME by packages that may be installed: in JavaScript they cost 2 to 15 CPU seconds a GiB.
 *
 * @module
 */

/** The checksums of S3 that need a package, and which one. */
export const crcPackages = { CRC32C: "@node-rs/crc32", CRC64NVME: "hash-wasm" } as const

export type PackagedCrc = keyof typeof crcPackages

/** The CRC of slices in a row, taken at once. */
export type TakeCrc = (slices: ReadonlyArray<Uint8Array>) => bigint

/** A module's function, by itself or below `default` (CommonJS); undefined where there is none. */
export const functionOf = async (
  name: string,
  member: string
): Promise<((...args: Array<unknown>) => unknown) | undefined> => {
  try {
    const module: unknown = await import(name)
    for (const exports of [module, Reflect.get(Object(module), "default")]) {
      const found: unknown = Reflect.get(Object(exports), member)
      if (typeof found === "function") return (...args) => Reflect.apply(found, exports, args)
    }
  } catch {
    // Not installed, or not for this machine.
  }
  return undefined
}

/** `@node-rs/crc32`, native: 0.2 CPU seconds a GiB. */
const loadCrc32c = async (): Promise<TakeCrc | undefined> => {
  const crc32c = await functionOf(crcPackages.CRC32C, "crc32c")
  if (crc32c === undefined) return undefined
  return (slices) => {
    let crc = 0
    for (const slice of slices) crc = Number(crc32c(slice, crc))
    return BigInt(crc)
  }
}

/** What is used of a hasher of `hash-wasm`. */
interface Hasher {
  readonly init: () => unknown
  readonly update: (bytes: Uint8Array) => unknown
  readonly digest: (format: "hex") => string
}

const isHasher = (u: unknown): u is Hasher =>
  typeof u === "object" && u !== null && "init" in u && "update" in u && "digest" in u

/** `hash-wasm`, WebAssembly: 0.8 CPU seconds a GiB. */
const loadCrc64nvme = async (): Promise<TakeCrc | undefined> => {
  const create = await functionOf(crcPackages.CRC64NVME, "createCRC64")
  // The polynomial of CRC-64/NVME, bits reversed.
  const hasher: unknown = await create?.("9a6c9329ac4bc9b5")
  if (!isHasher(hasher)) return undefined
  return (slices) => {
    hasher.init()
    for (const slice of slices) hasher.update(slice)
    return BigInt(`0x${hasher.digest("hex")}`)
  }
}

const loaders = { CRC32C: loadCrc32c, CRC64NVME: loadCrc64nvme }
const loaded = new Map<PackagedCrc, Promise<TakeCrc | undefined>>()

/** Undefined when the package is not installed. */
export const loadCrc = (algorithm: PackagedCrc): Promise<TakeCrc | undefined> => {
  const known = loaded.get(algorithm) ?? loaders[algorithm]()
  loaded.set(algorithm, known)
  return known
}
