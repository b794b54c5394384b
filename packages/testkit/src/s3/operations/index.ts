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
import { getObjectAttributes } from "./object-attributes.ts"
import {
  getObjectLegalHold,
  getObjectRetention,
  putObjectLegalHold,
  putObjectLockConfiguration,
  putObjectRetention
} from "./object-lock.ts"
import { getObject, headObject, putObject } from "./objects.ts"
import { createSession } from "./session.ts"
import { deleteSetting, getSetting, putSetting } from "./settings.ts"
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from "./tagging.ts"
import { always, getBucketAcl, getObjectAcl, neverSet } from "./unset.ts"
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
  GetBucketCors: getSetting("cors"),
  PutBucketCors: putSetting("cors"),
  DeleteBucketCors: deleteSetting("cors"),
  GetBucketLifecycleConfiguration: getSetting("lifecycle"),
  PutBucketLifecycleConfiguration: putSetting("lifecycle"),
  DeleteBucketLifecycle: deleteSetting("lifecycle"),
  GetBucketEncryption: getSetting("encryption"),
  PutBucketEncryption: putSetting("encryption"),
  DeleteBucketEncryption: deleteSetting("encryption"),
  GetBucketTagging: getSetting("tagging"),
  PutBucketTagging: putSetting("tagging"),
  DeleteBucketTagging: deleteSetting("tagging"),
  GetBucketPolicy: neverSet("NoSuchBucketPolicy"),
  GetBucketPolicyStatus: neverSet("NoSuchBucketPolicy"),
  GetBucketAcl: getBucketAcl,
  GetBucketWebsite: neverSet("NoSuchWebsiteConfiguration"),
  GetBucketReplication: neverSet("ReplicationConfigurationNotFoundError"),
  GetObjectLockConfiguration: getSetting("object-lock"),
  PutObjectLockConfiguration: putObjectLockConfiguration,
  GetPublicAccessBlock: neverSet("NoSuchPublicAccessBlockConfiguration"),
  GetBucketOwnershipControls: neverSet("OwnershipControlsNotFoundError"),
  GetBucketLogging: always("BucketLoggingStatus", {}),
  GetBucketNotificationConfiguration: always("NotificationConfiguration", {}),
  GetBucketRequestPayment: getSetting("requestPayment"),
  PutBucketRequestPayment: putSetting("requestPayment"),
  GetBucketAccelerateConfiguration: getSetting("accelerate"),
  PutBucketAccelerateConfiguration: putSetting("accelerate"),
  CreateSession: createSession,
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
  PutObjectTagging: putObjectTagging,
  DeleteObjectTagging: deleteObjectTagging,
  GetObjectRetention: getObjectRetention,
  PutObjectRetention: putObjectRetention,
  GetObjectLegalHold: getObjectLegalHold,
  PutObjectLegalHold: putObjectLegalHold,
  GetObjectAcl: getObjectAcl,
  GetObjectAttributes: getObjectAttributes,
  CreateMultipartUpload: createMultipartUpload,
  UploadPart: uploadPart,
  UploadPartCopy: uploadPartCopy,
  CompleteMultipartUpload: completeMultipartUpload,
  AbortMultipartUpload: abortMultipartUpload,
  ListParts: listParts,
  ListMultipartUploads: listMultipartUploads
}
