/**
 * Operations sent by client-s3.
 *
 * @module
 */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand
} from "@aws-sdk/client-s3"
import { checksumHeaders } from "./checksum-fields.ts"
import type { Input, OperationName, Output, Send } from "./Operations.ts"
import type { SendPart } from "./repeat-part.ts"
import type { StoreCall } from "./StoreCall.ts"
import { carrying } from "./sdk-call.ts"

type Senders = {
  readonly [Name in OperationName]: (input: Input<Name>, call: StoreCall) => Promise<Output<Name>>
}

/** One command an operation. */
const senders = (client: S3Client, repeatPart: SendPart): Senders => ({
  CreateMultipartUpload: (input) => client.send(new CreateMultipartUploadCommand(input)),
  UploadPart: (input, call) =>
    repeatPart(
      { key: input.Key, uploadId: input.UploadId, partNumber: input.PartNumber, headers: checksumHeaders(input) },
      call,
      () => client.send(new UploadPartCommand(input))
    ),
  UploadPartCopy: (input) => client.send(new UploadPartCopyCommand(input)),
  CompleteMultipartUpload: (input) => client.send(new CompleteMultipartUploadCommand(input)),
  AbortMultipartUpload: (input) => client.send(new AbortMultipartUploadCommand(input)),
  ListParts: (input) => client.send(new ListPartsCommand(input)),
  ListMultipartUploads: (input) => client.send(new ListMultipartUploadsCommand(input)),
  ListObjectVersions: (input) => client.send(new ListObjectVersionsCommand(input)),
  ListObjectsV2: (input) => client.send(new ListObjectsV2Command(input)),
  PutObject: (input) => client.send(new PutObjectCommand(input)),
  CopyObject: (input) => client.send(new CopyObjectCommand(input)),
  HeadObject: (input) => client.send(new HeadObjectCommand(input)),
  GetObject: async (input) => {
    const { Body, ...answer } = await client.send(new GetObjectCommand(input))
    return { ...answer, Body: Body?.transformToWebStream() }
  },
  DeleteObject: (input) => client.send(new DeleteObjectCommand(input)),
  HeadBucket: (input) => client.send(new HeadBucketCommand(input))
})

/** `Send` by a client whose requests find their calls. */
export const makeSdkSend = (client: S3Client, repeatPart: SendPart): Send => {
  const table = senders(client, repeatPart)
  return (operation, input, call) => table[operation](carrying(input, call), call)
}
