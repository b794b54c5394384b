import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { expect, it } from "vitest"
import { type Capabilities, profiles } from "../Limits.ts"
import { confirmPayload, describePayload } from "./payload.ts"

const bytes = new TextEncoder().encode("the caller's bytes")
const body = { slices: [bytes.subarray(0, 5), bytes.subarray(5)], size: bytes.length }
const md5 = createHash("md5").update(bytes).digest("hex")
const other = "0".repeat(32)

const confirm = (capabilities: Capabilities, answer: { etag: string; checksum?: string; encryption?: string }) =>
  Effect.runPromiseExit(
    Effect.flatMap(describePayload(body, capabilities, false), (payload) =>
      confirmPayload(payload, { encryption: undefined, checksum: undefined, ...answer }, capabilities, {
        bucket: "media",
        stored: false
      })
    )
  )

const mismatch = { _tag: "Some", value: { reason: { _tag: "ChecksumMismatch" }, retry: "temporary" } }

it("a store of an unknown kind that shows no checksum is held to its ETag", async () => {
  const { generic } = profiles
  expect(await confirm(generic, { etag: `"${md5}"` })).toEqual(Exit.succeed(true))
  expect(Exit.findErrorOption(await confirm(generic, { etag: `"${other}"` }))).toMatchObject(mismatch)
})

it("no MD5 is taken where a checksum is shown, or the ETag cannot be one", async () => {
  const { aws, generic } = profiles
  expect(await confirm(generic, { etag: other, checksum: "AAAAAA==" })).toEqual(Exit.succeed(false))
  expect(await confirm(generic, { etag: "0x8D1234" })).toEqual(Exit.succeed(false))
  expect(await confirm(generic, { etag: other, encryption: "aws:kms" })).toEqual(Exit.succeed(false))
  expect(await confirm(aws, { etag: other })).toEqual(Exit.succeed(false))
})

it("a store that takes no checksum is held to its ETag, where that is an MD5", async () => {
  const { b2, gcs } = profiles
  expect(await confirm(b2, { etag: md5.toUpperCase() })).toEqual(Exit.succeed(true))
  expect(Exit.findErrorOption(await confirm(b2, { etag: other }))).toMatchObject(mismatch)
  expect(await confirm(gcs, { etag: other })).toEqual(Exit.succeed(false))
})
