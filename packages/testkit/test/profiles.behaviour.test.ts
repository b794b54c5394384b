import { CreateBucketCommand } from "@aws-sdk/client-s3"
import { afterAll, beforeAll, describe } from "vitest"
import { startS3 } from "../src/index.ts"
import { checksums } from "./behaviour/checksums.ts"
import { encryption } from "./behaviour/encryption.ts"
import { multipart } from "./behaviour/multipart.ts"
import { objects } from "./behaviour/objects.ts"
import { type Facts, factsOf } from "./facts.ts"
import { clientOf, type Store } from "./s3-behaviour.ts"

// The profile is held to what the real MinIO answers to the very same cases, but where that is laxer than S3: a test
// that passes because a store takes what S3 refuses has tested nothing.
const facts: Facts = {
  ...factsOf("minio"),
  partListedTwice: "InvalidPartOrder",
  unknownKmsKey: "400 KMS.NotFoundException"
}

describe("S3 behaviour: embedded, with MinIO's profile", () => {
  let started: Store | undefined
  beforeAll(async () => {
    const server = await startS3({ profile: "minio", buckets: [], kmsKeys: new Map([["sluice", "enabled"]]) })
    started = { ...server, s3: clientOf(server), bucket: "behaviour" }
    await started.s3.send(new CreateBucketCommand({ Bucket: started.bucket }))
  })
  afterAll(async () => {
    started?.s3.destroy()
    await started?.close()
  })
  const store = () => {
    if (started === undefined) throw new Error("The store is only there inside a case")
    return started
  }
  for (const group of [objects, multipart, checksums, encryption]) group({ store, facts })
})
