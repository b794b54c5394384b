import type { Deviation } from "../deviations.ts"

/** Of versitygw v1.8.0 over its posix backend. */
export const versitygw: ReadonlyArray<Deviation> = [
  {
    why: "no encryption: the header is taken and forgotten, with 200 and without an echo",
    cases: ["SSE-S3"]
  },
  { why: "a key is a path", cases: ['objects > the path-like key "./a" is taken literally'] },
  { why: "keys of more than 1,024 bytes are stored", cases: ["objects > a key may have 1024 bytes and not one more"] },
  {
    why: "the framing's own name stays in the object's Content-Encoding",
    cases: ["checksums of a put > a body in aws-chunked framing with a trailing checksum is stored without its framing"]
  },
  {
    why: "an unknown access key is 404 XAdminUserNotFound",
    cases: ["signatures > a wrong secret is SignatureDoesNotMatch, an unknown key InvalidAccessKeyId"]
  },
  {
    why: "errors name no Resource",
    cases: ["signatures > an error names itself, the resource and the request, in the body and in the headers"]
  },
  {
    why: "a version id that it could not have given is InvalidArgument",
    cases: ["versions > a version that is not there is NoSuchVersion, and deleting it succeeds"]
  },
  {
    why: "buckets have no lifecycle and no default encryption: 501",
    cases: [
      "settings of a bucket > that were never made are named as such",
      "settings of a bucket > lifecycle rules come back as they were given, and are deleted",
      "settings of a bucket > a lifecycle rule with no action is refused",
      "settings of a bucket > a lifecycle rule with no days is refused",
      "settings of a bucket > an upload that a rule will abort tells its date and rule",
      "settings of a bucket > default encryption is given to writes that ask for none"
    ]
  },
  {
    why: "encoding-type is not read",
    cases: ["listing objects > encodes names on request, so that any character survives XML"]
  },
  {
    why: "GetObjectAttributes refuses several attributes in one header, and tells no parts",
    cases: ["GetObjectAttributes"]
  },
  {
    why: "the marker that a page of open uploads ends with is then refused",
    cases: ["pages of open uploads"]
  },
  {
    why: "a bucket's default retention does not reach all that is written",
    cases: ["object lock > a default locks what is put, copied and completed, unless that brings a lock of its own"]
  },
  { why: "a key of more than 128 characters is taken", cases: ["tags > are ten at most, of 128 and 256 characters"] },
  { why: "a copy whose condition fails is 304", cases: ["conditions > a copy puts conditions on its source"] },
  { why: "no encryption: the header is taken and forgotten, with 200 and without an echo", cases: ["SSE-KMS", "SSE-C"] }
]
