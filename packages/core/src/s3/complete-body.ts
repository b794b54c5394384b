/**
 * The body of CompleteMultipartUpload.
 *
 * @module
 */
import { encodeCrc32 } from "../Checksum.ts"
import type { CompleteMultipartUpload } from "../ObjectStore.ts"

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" }

/** An ETag is the store's own word, and may be anything. */
const escape = (text: string): string => text.replace(/[&<>]/g, (character) => escapes[character] ?? character)

/**
 * All parts as S3 wants them named (API reference, CompleteMultipartUpload): ascending, each with its ETag, and with
 * its checksum under the name of `field`. Written here and not by the SDK, which builds a tree of the document
 * first: for 10,000 parts some 6 MiB, at the one moment at which the list of receipts is at its longest.
 */
export const completeBody = (
  parts: CompleteMultipartUpload["parts"],
  field: `Checksum${string}` | undefined
): Uint8Array => {
  const written = parts.map(({ partNumber, etag, crc32, checksum }) => {
    const sum = field === undefined ? "" : `<${field}>${checksum ?? encodeCrc32(crc32)}</${field}>`
    return `<Part><PartNumber>${partNumber}</PartNumber><ETag>"${escape(etag)}"</ETag>${sum}</Part>`
  })
  return new TextEncoder().encode(
    `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${written.join("")}</CompleteMultipartUpload>`
  )
}
