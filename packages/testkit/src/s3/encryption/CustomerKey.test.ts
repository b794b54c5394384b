import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import type { S3Context } from "../S3Context.ts"
import { S3Model } from "../S3Model.ts"
import { memoryStore } from "../store/memory-store.ts"
import { assertReadKey, customerKeyOf } from "./CustomerKey.ts"

const context: S3Context = {
  model: await S3Model.open(memoryStore()),
  region: "us-east-1",
  serverSideEncryption: true,
  idempotentComplete: false,
  clock: () => 0,
  secure: true
}

const prefix = "x-amz-server-side-encryption-customer-"
const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("base64")

const headersOf = (key: Buffer, more: Record<string, string | undefined> = {}): Record<string, string> => {
  const headers = { algorithm: "AES256", key: key.toString("base64"), "key-md5": md5(key), ...more }
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[`${prefix}${name}`, value]]))
  )
}

const key = Buffer.alloc(32, "k")
const headers = headersOf(key)

describe("a customer's key", () => {
  it.each([
    ["without its MD5", headersOf(key, { "key-md5": undefined }), "InvalidArgument"],
    ["with another key's MD5", headersOf(key, { "key-md5": md5(Buffer.alloc(32)) }), "InvalidArgument"],
    ["without an algorithm", headersOf(key, { algorithm: undefined }), "InvalidArgument"],
    ["of another algorithm", headersOf(key, { algorithm: "AES128" }), "InvalidEncryptionAlgorithmError"],
    ["without the key", headersOf(key, { key: undefined }), "InvalidArgument"],
    ["that is too short", headersOf(Buffer.alloc(31, "k")), "InvalidArgument"],
    ["that is no base64", headersOf(key, { key: "k".repeat(43) }), "InvalidArgument"]
  ])("%s is refused", (_, flawed, code) => {
    expect(() => customerKeyOf(flawed, context)).toThrow(expect.objectContaining({ code }))
  })

  it("is taken over TLS, and in clear only where that is waived", () => {
    const insecure = { ...context, secure: false }
    expect(() => customerKeyOf(headers, insecure)).toThrow(expect.objectContaining({ code: "InvalidRequest" }))
    expect(customerKeyOf(headers, { ...insecure, allowInsecureSseC: true })).toBeDefined()
    expect(customerKeyOf({}, insecure)).toBeUndefined()
  })

  it("is known again by a digest that is salted anew for every object", () => {
    const [one, two] = [customerKeyOf(headers, context), customerKeyOf(headers, context)]
    if (one === undefined || two === undefined) return expect.unreachable()
    expect(one.digest).not.toBe(two.digest)
    for (const customerKey of [one, two]) assertReadKey(headers, { customerKey }, context)
    expect(() => assertReadKey(headersOf(Buffer.alloc(32, "x")), { customerKey: one }, context)).toThrow(
      "Access Denied"
    )
  })
})
