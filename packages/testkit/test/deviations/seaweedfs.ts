import type { Deviation } from "../deviations.ts"

/** Of SeaweedFS 3.39, of January 2023: what came later was not to be had where this is run. */
export const seaweedfs: ReadonlyArray<Deviation> = [
  {
    why: "a bucket goes with what it holds, and may have any name",
    cases: [
      "buckets > a bucket that holds an object is not deleted",
      "buckets > a name that S3 does not allow is refused"
    ]
  },
  {
    why: "not implemented: no versions, object lock, bucket settings or GetObjectAttributes",
    cases: ["settings of a bucket", "GetObjectAttributes", "versions", "object lock"]
  },
  {
    why: "the owner that a request expects is not looked at",
    cases: ["buckets > another owner than the bucket's, where one is expected, is compared"]
  },
  {
    why: "open uploads are not listed in the order of their keys",
    cases: ["pages of open uploads"]
  },
  {
    why: "headers, names and ranges: Content-Language, encoding-type, owners, parts by number and two of S3's limits are not known; a missing bucket is NoSuchKey; a range after the end is empty",
    cases: [
      "listing objects > encodes names on request, so that any character survives XML",
      "listing objects > tells owners in version 2 on request only, in version 1 always",
      "objects > every header of the object and its metadata come back",
      "objects > metadata above 2 KB is refused",
      "objects > what is missing is named: the key, or the bucket",
      'objects > the path-like key "a/../b" is taken literally',
      'objects > the path-like key "./a" is taken literally',
      "objects > a key may have 1024 bytes and not one more",
      "objects > a copy has the bytes and the metadata of its source",
      "copies",
      "ranges > a range that begins after the end is refused, and one that is no byte range is ignored",
      "parts of a finished object > are read by their number, and counted",
      "tags > come with a put or a multipart upload, and are counted on GET",
      "tags > are ten at most, of 128 and 256 characters"
    ]
  },
  {
    why: "neither Content-MD5 nor any checksum is looked at or kept: wrong bytes are stored with 200",
    cases: [
      "checksum algorithms > SHA1 of a put is kept, told on request, and checked",
      "checksum algorithms > SHA256 of a put is kept, told on request, and checked",
      "checksum algorithms > CRC32C of a put is kept, told on request, and checked",
      "checksum algorithms > CRC64NVME of a put is kept, told on request, and checked",
      "checksums of a put",
      "CRC32 FULL_OBJECT of a multipart upload",
      "CRC32 COMPOSITE of a multipart upload",
      "checksums of a multipart upload",
      "what chunks claim"
    ]
  },
  {
    why: "conditions of writes are ignored: what stands at the key is replaced",
    cases: [
      "conditions > PutObject with If-None-Match: * creates, and never replaces",
      "conditions > PutObject with If-Match replaces exactly that object",
      "conditions > Complete with If-None-Match: * never replaces, and leaves the upload open",
      "conditions > a copy puts conditions on its source"
    ]
  },
  {
    why: "the ETag of a small object from parts is the MD5 of its bytes",
    cases: [
      "multipart uploads > parts in any order become one object, with the attributes of Create and an ETag over the parts",
      "multipart uploads > a single part may be of any size",
      "presigned URLs > a part"
    ]
  },
  {
    why: "Complete puts together all parts that there are, whatever it lists: order, ETags, sizes and numbers are not looked at",
    cases: [
      "multipart uploads > part numbers may have gaps, and parts that are not listed are dropped",
      "multipart uploads > the last bytes sent as a part are the part; the receipt of earlier ones is no longer valid",
      "what Complete refuses",
      "part numbers"
    ]
  },
  {
    why: "a range beyond the copy's source is cut short",
    cases: ["multipart uploads > a part can be copied from an object"]
  },
  {
    why: "a part of an upload that is gone is stored, and aborting it again is no error",
    cases: [
      "listing and aborting > after an abort the upload is gone for every operation, and no object has appeared",
      "listing and aborting > aborting what is gone is answered 404"
    ]
  },
  {
    why: "no encryption: the header is taken and forgotten, with 200 and without an echo",
    cases: ["SSE-S3", "SSE-KMS", "SSE-C"]
  },
  {
    why: "a framed body that ends early is 500, and one of another length than it said is stored",
    cases: [
      "a body in chunks, signed > that ends early is IncompleteBody and not stored",
      "a body in chunks, signed > of another length than it said is refused and not stored"
    ]
  },
  {
    why: "framing with a trailer is not known: it is stored as if it were the object",
    cases: ["a body in chunks, signed, with a trailer", "a body in chunks, unsigned, with a trailer"]
  },
  {
    why: "an old signature is as good as a new one",
    cases: ["signatures > a clock that is an hour wrong is RequestTimeTooSkewed"]
  },
  {
    why: "the body's SHA-256 is not compared",
    cases: ["signatures > bytes that are not those that were signed are refused and not stored"]
  },
  {
    why: "errors name other request ids than their headers",
    cases: ["signatures > an error names itself, the resource and the request, in the body and in the headers"]
  }
]
