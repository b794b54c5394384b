import { describe, expect, it } from "vitest"
import { operationOf } from "./Operation.ts"
import { parseTarget } from "./Target.ts"

const operation = (line: string, copies = false) => {
  const [method = "", target = ""] = line.split(" ")
  const { bucket, key, query } = parseTarget(target)
  return operationOf(method, bucket === undefined ? "service" : key === undefined ? "bucket" : "object", query, copies)
}

describe("operationOf", () => {
  it.each([
    ["GET /", "ListBuckets"],
    ["GET /b?list-type=2&prefix=x", "ListObjectsV2"],
    ["GET /b/", "ListObjects"],
    ["PUT /b/k", "PutObject"],
    ["GET /b/k?partNumber=2", "GetObject"],
    ["POST /b/k?uploads", "CreateMultipartUpload"],
    ["PUT /b/k?partNumber=1&uploadId=x", "UploadPart"],
    ["POST /b/k?uploadId=x", "CompleteMultipartUpload"]
  ])("%s is %s", (line, expected) => {
    expect(operation(line)).toBe(expected)
  })

  it("a copy source makes a copy of a put", () => {
    expect(operation("PUT /b/k", true)).toBe("CopyObject")
    expect(operation("PUT /b/k?partNumber=1&uploadId=x", true)).toBe("UploadPartCopy")
  })

  it.each([
    ["PATCH /b/k", "MethodNotAllowed"],
    ["POST /", "MethodNotAllowed"],
    ["POST /b/k", "MethodNotAllowed"],
    ["GET /b/k?torrent", "NotImplemented"],
    ["PUT /b?inventory", "NotImplemented"],
    ["PUT /b/k?versionId=x", "InvalidArgument"]
  ])("%s is refused as %s, never taken for something else", (line, code) => {
    expect(() => operation(line)).toThrow(expect.objectContaining({ code }))
  })
})
