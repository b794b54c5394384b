/** CRC32 in plain JavaScript, for runtimes without `node:zlib` (browsers, some edges). @module */

/** The IEEE 802.3 polynomial, bits reversed: the highest bit is the coefficient of x⁰. */
export const polynomial = 0xedb88320

/**
 * Four tables of 256 in one: row k holds the CRC of a byte followed by k zero bytes, so that four
 * bytes are folded in one step ("slicing by 4", Kounavis and Berry, 2005).
 */
const makeTables = (): Uint32Array => {
  const tables = new Uint32Array(1024)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    tables[byte] = crc
  }
  for (let i = 256; i < 1024; i++) {
    const shorter = tables[i - 256] ?? 0
    tables[i] = (shorter >>> 8) ^ (tables[shorter & 255] ?? 0)
  }
  return tables
}

let tables: Uint32Array | undefined

/** CRC32 of `bytes`, continuing from `seed`, the CRC32 of what came before. Unsigned. */
export const crc32Table = (bytes: Uint8Array, seed = 0): number => {
  tables ??= makeTables()
  const t = tables
  const wholeWords = bytes.length - (bytes.length % 4)
  let crc = ~seed
  let i = 0
  for (; i < wholeWords; i += 4) {
    crc ^= (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8) | ((bytes[i + 2] ?? 0) << 16) | ((bytes[i + 3] ?? 0) << 24)
    crc =
      (t[768 + (crc & 255)] ?? 0) ^
      (t[512 + ((crc >>> 8) & 255)] ?? 0) ^
      (t[256 + ((crc >>> 16) & 255)] ?? 0) ^
      (t[crc >>> 24] ?? 0)
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[i] ?? 0)) & 255] ?? 0)
  return ~crc >>> 0
}
