/**
 * A line with its own checksum: whole, or not there.
 *
 * @module
 */
import { crc32 } from "../Checksum.ts"

const crcOf = (text: string): string => crc32(new TextEncoder().encode(text)).toString(16).padStart(8, "0")

/** The text, which must be one line, behind the CRC32 of its bytes. */
export const seal = (text: string): string => `${crcOf(text)} ${text}`

/** The text of a sealed line, or undefined when it is torn or damaged. */
export const unseal = (line: string): string | undefined => {
  const text = line.slice(9)
  return line === seal(text) ? text : undefined
}
