import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { canaryCredentials, secretsScanner } from "./canary.ts"

const canaries = canaryCredentials()
const secret = canaries.secretAccessKey
const scanner = secretsScanner({ ...canaries })

let directory = ""
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-canary-"))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

describe("a secret is found", () => {
  const base64 = (text: string) => Buffer.from(text).toString("base64")
  it.each<[string, string]>([
    ["as it is", secret],
    ["in the middle of a line", `the vault said ${secret}.`],
    ["URL-encoded", encodeURIComponent(secret)],
    ["URL-encoded in lower case", encodeURIComponent(secret).replace("%2F", "%2f").replace("%2B", "%2b")],
    ["in hex", Buffer.from(secret).toString("hex")],
    ["in HEX", Buffer.from(secret).toString("hex").toUpperCase()],
    ["in base64", base64(secret)],
    ["in base64, after a name", base64(`user:${secret}`)],
    ["in base64, between others", base64(`ab${secret}cd`)],
    ["in base64, elsewhere between others", base64(`a${secret}c`)],
    ["in base64url", Buffer.from(`abcd${secret}`).toString("base64url")],
    ["as bytes", [...Buffer.from(secret)].join(", ")]
  ])("%s", (_, text) => {
    expect(scanner.find(text).map((found) => found.secret)).toContain("secretAccessKey")
  })

  it.each<[string, unknown]>([
    ["deep in an object", { a: [{ b: new Map([["c", { d: secret }]]) }] }],
    ["in an error's cause's cause", new Error("a", { cause: new Error("b", { cause: new TypeError(secret) }) })],
    ["in one error of many", new AggregateError([new Error("a"), new Error(secret)])],
    ["in what JSON alone shows", { toJSON: () => ({ key: secret }) }],
    ["in what a debugger alone shows", Object.defineProperty({}, "key", { value: secret, enumerable: false })],
    ["in a byte array", { body: new Uint8Array(Buffer.from(secret)) }]
  ])("%s", (_, value) => {
    expect(() => scanner.assertNone(value, "the value")).toThrow(/secretAccessKey \(\w+\) in the value/)
  })

  it("in a value that holds itself", () => {
    const value: Record<string, unknown> = { secret }
    value["self"] = value
    expect(scanner.find(value)).not.toEqual([])
  })

  it("in a file below a directory, and in a file's name", async () => {
    await mkdir(join(directory, "deep"))
    await writeFile(join(directory, "deep", "head.json"), JSON.stringify({ token: canaries.sessionToken }))
    await writeFile(join(directory, canaries.accessKeyId), "")
    const found = (await scanner.findInDirectory(directory)).map(({ secret }) => secret)
    expect(new Set(found)).toEqual(new Set(["sessionToken", "accessKeyId"]))
    await expect(scanner.assertNoneInDirectory(directory)).rejects.toThrow(/head\.json/)
  })
})

it("content is found by its first bytes", () => {
  const body = new Uint8Array(64).map((_, i) => 200 - i)
  const content = secretsScanner({ body })
  expect(content.find({ part: body })).not.toEqual([])
  expect(content.find(Buffer.from(body).toString("base64"))).not.toEqual([])
  expect(content.find({ size: body.length })).toEqual([])
})

it.each([
  "Authorization: AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
  `Signature=${"0".repeat(64)}`,
  "GET /media/a?X-Amz-Signature=abc&X-Amz-Expires=60"
])("what was signed is found: %s", (text) => {
  expect(scanner.find(text)).toMatchObject([{ secret: "a signature" }])
})

it("the report does not tell the secret", () => {
  expect(() => scanner.assertNone(secret)).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining(secret) })
  )
})

it("where none is, none is found", async () => {
  await writeFile(join(directory, "head.json"), JSON.stringify({ sessionId: "s", accessKeyId: "(redacted)" }))
  scanner.assertNone({ log: "SignatureDoesNotMatch: x-amz-security-token is missing", error: new Error("no") })
  await scanner.assertNoneInDirectory(directory)
  await scanner.assertNoneInDirectory(join(directory, "not there"))
})
