import { createHash } from "node:crypto"
import { crc32 } from "node:zlib"
import {
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandInput,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  GetObjectCommand,
  ListPartsCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
  type UploadPartCommandInput
} from "@aws-sdk/client-s3"
import { expect } from "vitest"
import type { Store } from "../s3-behaviour.ts"

/** The smallest size of a part that is not the last (S3 limit), and two parts that differ. */
export const MiB5 = 5 * 1024 * 1024
export const firstPart = Buffer.alloc(MiB5, "first part ")
export const lastPart = Buffer.from("and the last part")
export const wholeObject = Buffer.concat([firstPart, lastPart])

/** CRC32 as S3 writes it: big-endian, base64. */
export function crc32Of(...chunks: ReadonlyArray<Uint8Array>): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(chunks.reduce((crc, chunk) => crc32(chunk, crc), 0))
  return bytes.toString("base64")
}

export const md5Of = (bytes: Uint8Array, encoding: "hex" | "base64" = "hex"): string =>
  createHash("md5").update(bytes).digest(encoding)

/** The ETag of a multipart object: MD5 over the parts' MD5s, and their number. */
export function multipartETag(...parts: ReadonlyArray<Uint8Array>): string {
  const digests = parts.map((part) => createHash("md5").update(part).digest())
  return `"${md5Of(Buffer.concat(digests))}-${parts.length}"`
}

/** Demands that the store refuses, with this status and code (an answer to HEAD has no body, so only `NotFound`). */
export async function refused(answer: Promise<unknown>, status: number, code: string): Promise<void> {
  const error = await answer.then(
    () => expect.unreachable(`accepted, where ${status} ${code} was due`),
    (error: unknown) => error
  )
  if (!(error instanceof S3ServiceException)) throw error
  expect([error.$metadata.httpStatusCode, error.name]).toEqual([status, code])
}

export async function read(s3: S3Client, input: ConstructorParameters<typeof GetObjectCommand>[0]): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand(input))
  return Buffer.from((await Body?.transformToByteArray()) ?? [])
}

/** A multipart upload under way, with the verbs that its cases use. */
export async function begin(
  { s3, bucket }: Store,
  key: string,
  input: Partial<CreateMultipartUploadCommandInput> = {}
) {
  const created = await s3.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: key, ...input }))
  const id = { Bucket: bucket, Key: key, UploadId: created.UploadId }
  const put = async (PartNumber: number, Body: Uint8Array, more: Partial<UploadPartCommandInput> = {}) => {
    const { $metadata: _, ...receipt } = await s3.send(new UploadPartCommand({ ...id, PartNumber, Body, ...more }))
    return { PartNumber, ...receipt }
  }
  const complete = (
    parts: ReadonlyArray<{ PartNumber: number; ETag?: string | undefined; ChecksumCRC32?: string | undefined }>,
    more: Partial<CompleteMultipartUploadCommandInput> = {}
  ) => {
    const Parts = parts.map(({ PartNumber, ETag, ChecksumCRC32 }) => ({ PartNumber, ETag, ChecksumCRC32 }))
    return s3.send(new CompleteMultipartUploadCommand({ ...id, MultipartUpload: { Parts }, ...more }))
  }
  const list = (more: { MaxParts?: number; PartNumberMarker?: string } = {}) =>
    s3.send(new ListPartsCommand({ ...id, ...more }))
  return { id, created, put, complete, list }
}
