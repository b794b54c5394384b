import { profiles as facts, type Provider as Known, type Limits } from "@sluice/core/Limits"
import {
  abortsTheUnknown,
  exactUploadPrefix,
  ignores,
  noPageAfterKeys,
  opaqueETags,
  renames,
  withholds
} from "./answers.ts"
import type { Profile, Quirk } from "./Profile.ts"
import {
  compositeOnly,
  equalParts,
  lacks,
  oneWriteASecond,
  refusesFraming,
  refusesHeaders,
  refusesPathLikeKeys,
  stumblesAfterBadDigest,
  upTo
} from "./refusals.ts"

/** Who can be answered like: every provider that the core knows by name. */
export type Provider = Exclude<Known, "generic">

const within = ({ maxObjectSize, maxPutSize }: Limits): Quirk => upTo({ object: maxObjectSize, put: maxPutSize })

const notImplemented = (name: string, value: string): string => `Header '${name}' with value '${value}' not implemented`

const versionsAndTags = /Versioning|Versions$|Tagging/
const conditions = /^if-(none-)?match$/
const writes = ["PutObject", "CompleteMultipartUpload"] as const

/**
 * One row a provider: where it departs from S3 as this server has it. Measured where a source says so; else what the
 * provider documents and what others report (docs/stores.md names where).
 */
export const profiles: Readonly<Record<Provider, Profile>> = {
  // A repeated Complete is answered again for a while. Since December 2024 every object has a checksum.
  aws: { idempotentComplete: true, defaultChecksum: true, quirks: [within(facts.aws.limits)] },

  // Measured: packages/testkit/test/facts.ts.
  minio: {
    quirks: [
      within(facts.minio.limits),
      abortsTheUnknown,
      exactUploadPrefix,
      noPageAfterKeys,
      ignores(/^x-amz-(source-)?expected-bucket-owner$/),
      refusesPathLikeKeys,
      withholds("CreateMultipartUpload", "x-amz-server-side-encryption"),
      ignores(/^x-amz-mp-object-size$/),
      renames("BadDigest", "XAmzContentChecksumMismatch", (_, { message }) => !message.includes("Content-MD5")),
      renames("MalformedTrailerError", "BadRequest", () => true),
      renames("MalformedXML", "InvalidRequest", ({ op }) => op === "CompleteMultipartUpload"),
      renames("InvalidArgument", "InvalidPart", ({ op, partNumber }) => op === "UploadPart" && partNumber === 0),
      renames("InvalidEncryptionAlgorithmError", "InvalidArgument", () => true)
    ]
  },

  // developers.cloudflare.com/r2: limits, S3 API compatibility, error codes 10048 and 10058.
  r2: {
    region: "auto",
    quirks: [
      within(facts.r2.limits),
      oneWriteASecond,
      equalParts,
      compositeOnly("NotImplemented"),
      // Alos-no/Cloudflare.NET#43: probed in 2026-08; PutObject takes them.
      refusesHeaders(/^x-amz-checksum-sha(1|256)$/, "NotImplemented", notImplemented, ["UploadPart"]),
      refusesHeaders(
        /^x-amz-(tagging|acl|object-lock-.*|website-redirect-location)$/,
        "NotImplemented",
        notImplemented
      ),
      refusesFraming(/^STREAMING-AWS4-/, "NotImplemented"),
      lacks(versionsAndTags)
    ]
  },

  // backblaze.com/docs/cloud-storage-s3-compatible-api, home-assistant/core#143995, vatesfr/xen-orchestra#8358.
  b2: {
    quirks: [
      within(facts.b2.limits),
      refusesHeaders(
        /^x-amz-(checksum-|sdk-checksum-algorithm$|trailer$|mp-object-size$|tagging$)/,
        "InvalidArgument",
        (name) => `Unsupported header '${name}' received for this API call.`
      ),
      refusesHeaders(conditions, "NotImplemented", notImplemented, writes),
      lacks(/Tagging/)
    ]
  },

  // cloud.google.com/storage/docs/multipart-uploads: ETags are opaque, and S3's checksum headers mean nothing.
  gcs: {
    quirks: [
      within(facts.gcs.limits),
      refusesFraming(/^STREAMING-/, "InvalidArgument"),
      ignores(/^x-amz-(checksum-|sdk-checksum-algorithm$|mp-object-size$)/),
      ignores(conditions, writes),
      opaqueETags
    ]
  },

  // tracker.ceph.com/issues/65746.
  ceph: { quirks: [within(facts.ceph.limits), compositeOnly("InvalidRequest"), stumblesAfterBadDigest] },

  // garagehq.deuxfleurs.fr, S3 compatibility: no versions, no tags, no SSE-S3 or SSE-KMS.
  garage: {
    region: "garage",
    quirks: [
      within(facts.garage.limits),
      compositeOnly("InvalidRequest"),
      refusesHeaders(/^x-amz-server-side-encryption(-aws-.*|-context)?$/, "NotImplemented", notImplemented),
      ignores(conditions, writes),
      lacks(versionsAndTags)
    ]
  },

  seaweedfs: { quirks: [within(facts.seaweedfs.limits), compositeOnly("InvalidRequest")] }
}
