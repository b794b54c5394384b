import type { Operation } from "../Operation.ts"
import type { Handler } from "../S3Context.ts"
import { createBucket, deleteBucket, getBucketLocation, headBucket, listBuckets } from "./buckets.ts"
import { completeMultipartUpload } from "./complete.ts"
import { copyObject } from "./copy.ts"
import { deleteObject, deleteObjects } from "./delete-objects.ts"
import { listObjects, listObjectsV2 } from "./list-objects.ts"
import { listMultipartUploads, listParts } from "./list-uploads.ts"
import { listObjectVersions } from "./list-versions.ts"
import { abortMultipartUpload, createMultipartUpload } from "./multipart.ts"
import { getObject, getObjectTagging, headObject, putObject } from "./objects.ts"
import { uploadPart, uploadPartCopy } from "./upload-part.ts"
import { getBucketVersioning, putBucketVersioning } from "./versioning.ts"

export const operations: Readonly<Record<Operation, Handler>> = {
  ListBuckets: listBuckets,
  CreateBucket: createBucket,
  HeadBucket: headBucket,
  DeleteBucket: deleteBucket,
  GetBucketLocation: getBucketLocation,
  GetBucketVersioning: getBucketVersioning,
  PutBucketVersioning: putBucketVersioning,
  ListObjects: listObjects,
  ListObjectsV2: listObjectsV2,
  ListObjectVersions: listObjectVersions,
  DeleteObjects: deleteObjects,
  PutObject: putObject,
  CopyObject: copyObject,
  GetObject: getObject,
  HeadObject: headObject,
  DeleteObject: deleteObject,
  GetObjectTagging: getObjectTagging,
  CreateMultipartUpload: createMultipartUpload,
  UploadPart: uploadPart,
  UploadPartCopy: uploadPartCopy,
  CompleteMultipartUpload: completeMultipartUpload,
  AbortMultipartUpload: abortMultipartUpload,
  ListParts: listParts,
  ListMultipartUploads: listMultipartUploads
}
