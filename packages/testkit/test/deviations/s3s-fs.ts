import type { Deviation } from "../deviations.ts"

/** Of s3s-fs 0.14.1, which calls itself experimental. */
export const s3sFs: ReadonlyArray<Deviation> = [
  {
    why: "not implemented",
    cases: [
      "versions",
      "object lock",
      "pages of open uploads",
      "listing and aborting > ListMultipartUploads finds open uploads by prefix"
    ]
  },
  { why: "no encryption: the header is taken and forgotten, with 200 and without an echo", cases: ["SSE-S3"] },
  {
    why: "multipart checksums are neither checked nor kept: wrong bytes are stored with 200",
    cases: [
      "CRC32 FULL_OBJECT of a multipart upload",
      "CRC32 COMPOSITE of a multipart upload",
      "checksums of a multipart upload"
    ]
  },
  {
    why: "the ETags that Complete lists are not compared: an earlier receipt completes with later bytes",
    cases: [
      "multipart uploads > the last bytes sent as a part are the part; the receipt of earlier ones is no longer valid"
    ]
  },
  {
    why: "parts have to be numbered 1, 2, 3…",
    cases: ["multipart uploads > part numbers may have gaps, and parts that are not listed are dropped"]
  },
  {
    why: "an upload that is gone or never was is AccessDenied, InvalidRequest or an empty list, never NoSuchUpload",
    cases: [
      "multipart uploads > parts in any order become one object, with the attributes of Create and an ETag over the parts",
      "listing and aborting > after an abort the upload is gone for every operation, and no object has appeared",
      "listing and aborting > aborting what is gone is answered 404",
      "listing and aborting > an uploadId that the store never gave is refused",
      "what Complete refuses > the same Complete once more is answered with same answer"
    ]
  },
  {
    why: "ListParts gives one page",
    cases: ["listing and aborting > ListParts gives every part, in order, page by page"]
  },
  {
    why: "Complete refuses by other codes: InvalidRequest, InvalidPart, 500",
    cases: [
      "what Complete refuses > a part that was never sent, or one with another ETag: InvalidPart, and the upload stays open",
      "what Complete refuses > parts in descending order: InvalidPartOrder",
      "what Complete refuses > one part listed twice: InvalidPartOrder",
      "what Complete refuses > no part at all: MalformedXML"
    ]
  },
  {
    why: "the declared size is not read",
    cases: ["what Complete refuses > a size that is not the object's is checked"]
  },
  {
    why: "limits are not held",
    cases: [
      "part numbers > 10,001 and 0 are refused, the latter as InvalidArgument",
      "objects > metadata above 2 KB is refused",
      "presigned URLs > one for longer than a week is AuthorizationQueryParametersError"
    ]
  },
  {
    why: "a key is a path, of as many bytes as the file system takes",
    cases: [
      'objects > the path-like key "./a" is taken literally',
      "objects > a key may have 1024 bytes and not one more"
    ]
  },
  { why: "a bucket goes with what it holds", cases: ["buckets > a bucket that holds an object is not deleted"] },
  {
    why: "the owner that a request expects is not looked at",
    cases: ["buckets > another owner than the bucket's, where one is expected, is compared"]
  },
  { why: "no Accept-Ranges", cases: ["objects > an object is what was put, with the MD5 of its bytes as its ETag"] },
  {
    why: "a missing bucket is NoSuchKey",
    cases: ["objects > what is missing is named: the key, or the bucket"]
  },
  {
    why: "a suffix longer than the object is 500, and a range in other units InvalidArgument",
    cases: [
      "ranges > bytes=-99",
      "ranges > a range that begins after the end is refused, and one that is no byte range is ignored"
    ]
  },
  {
    why: "If-Match on what is not there is 412, and reading does not look at conditions",
    cases: [
      "conditions > PutObject with If-Match replaces exactly that object",
      "conditions > reading takes If-Match and If-None-Match"
    ]
  },
  {
    why: "the checksum has no type, and a Content-MD5 that is none is InvalidArgument",
    cases: [
      "checksums of a put > the right CRC32 is kept with the object, a wrong one stores nothing",
      "checksums of a put > a wrong Content-MD5 is BadDigest, one that is no MD5 InvalidDigest, and neither stores anything"
    ]
  },
  {
    why: "the framing's own name stays in the object's Content-Encoding",
    cases: ["checksums of a put > a body in aws-chunked framing with a trailing checksum is stored without its framing"]
  },
  {
    why: "a framed body is refused with 500, and one of another length than it said is stored",
    cases: [
      ...["signed", "signed, with a trailer", "unsigned, with a trailer"].flatMap((framing) => [
        `a body in chunks, ${framing} > that ends early is IncompleteBody and not stored`,
        `a body in chunks, ${framing} > of another length than it said is refused and not stored`
      ]),
      "what chunks claim > a signature that is not the chunk's, or bytes that are not those signed: SignatureDoesNotMatch",
      "what chunks claim > a trailer whose signature is another's: SignatureDoesNotMatch",
      "what chunks claim > a trailing CRC32 of other bytes: BadDigest",
      "what chunks claim > a trailer that was announced and does not come, or comes unannounced, is refused"
    ]
  },
  {
    why: "bytes that are not those that were signed are 500, an unknown access key NotSignedUp, and errors name no Resource",
    cases: [
      "signatures > a wrong secret is SignatureDoesNotMatch, an unknown key InvalidAccessKeyId",
      "signatures > bytes that are not those that were signed are refused and not stored",
      "signatures > an error names itself, the resource and the request, in the body and in the headers"
    ]
  },
  { why: "not implemented", cases: ["settings of a bucket", "GetObjectAttributes", "tags"] },
  {
    why: "names are encoded half, and owners never told",
    cases: [
      "listing objects > encodes names on request, so that any character survives XML",
      "listing objects > tells owners in version 2 on request only, in version 1 always"
    ]
  },
  { why: "a copy onto itself that changes nothing is taken, and a missing bucket is NoSuchKey", cases: ["copies"] },
  {
    why: "parts of a finished object are forgotten",
    cases: ["parts of a finished object > are read by their number, and counted"]
  },
  {
    why: "checksums are told unasked",
    cases: [
      "checksum algorithms > SHA1 of a put is kept, told on request, and checked",
      "checksum algorithms > SHA256 of a put is kept, told on request, and checked",
      "checksum algorithms > CRC32C of a put is kept, told on request, and checked",
      "checksum algorithms > CRC64NVME of a put is kept, told on request, and checked"
    ]
  },
  {
    why: "multipart checksums are neither checked nor kept: wrong bytes are stored with 200",
    cases: [
      "checksum algorithms > CRC32C of a multipart object follows from its parts",
      "checksum algorithms > CRC64NVME of a multipart object follows from its parts"
    ]
  },
  {
    why: "a range beyond the copy's source is 500",
    cases: ["multipart uploads > a part can be copied from an object"]
  },
  { why: "ListParts gives one page", cases: ["listing and aborting > ListParts goes on after any number"] },
  { why: "no encryption: the header is taken and forgotten, with 200 and without an echo", cases: ["SSE-KMS", "SSE-C"] }
]
