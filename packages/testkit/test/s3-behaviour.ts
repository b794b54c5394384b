import { randomUUID } from "node:crypto"
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"
import { afterAll, beforeAll, describe } from "vitest"
import { attributes } from "./behaviour/attributes.ts"
import { buckets } from "./behaviour/buckets.ts"
import { checksums } from "./behaviour/checksums.ts"
import { conditions } from "./behaviour/conditions.ts"
import { encryption } from "./behaviour/encryption.ts"
import { listing } from "./behaviour/listing.ts"
import { locks } from "./behaviour/locks.ts"
import { multipart } from "./behaviour/multipart.ts"
import { objects } from "./behaviour/objects.ts"
import { settings } from "./behaviour/settings.ts"
import { signatures } from "./behaviour/signatures.ts"
import { tagging } from "./behaviour/tagging.ts"
import { versions } from "./behaviour/versions.ts"
import { deviations } from "./deviations.ts"
import { type differences, type Facts, factsOf } from "./facts.ts"
import { holdDeviations } from "./hold-deviations.ts"

/** A running S3 server. */
export interface S3Target {
  readonly endpoint: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  close(): Promise<void>
}

/** What each case works with: a client that neither retries nor adds checksums, and a bucket of this suite's own. */
export interface Store extends S3Target {
  readonly s3: S3Client
  readonly bucket: string
}

/** Handed to the groups of cases; `store()` may be called inside a case only. */
export interface Suite {
  readonly store: () => Store
  readonly facts: Facts
}

const groups = [
  ...[buckets, settings, listing, objects, attributes, tagging, versions],
  ...[locks, conditions, multipart, checksums, encryption, signatures]
]

/** One behaviour suite, run unchanged against every store; `facts.ts` and `deviations.ts` say where stores differ. */
export function s3Behaviour(
  name: keyof typeof differences,
  start: () => Promise<S3Target>,
  { title, skip }: { readonly title: string; readonly skip: boolean } = { title: name, skip: false }
): void {
  describe.skipIf(skip)(`S3 behaviour: ${title}`, () => {
    let started: Store | undefined

    beforeAll(async () => {
      const target = await start()
      const s3 = clientOf(target)
      started = { ...target, s3, bucket: `behaviour-${randomUUID()}` }
      await s3.send(new CreateBucketCommand({ Bucket: started.bucket }))
    })
    afterAll(async () => {
      started?.s3.destroy()
      await started?.close()
    })

    const store = () => {
      if (started === undefined) throw new Error("The store is only there inside a case")
      return started
    }
    for (const group of groups) group({ store, facts: factsOf(name) })
    holdDeviations(deviations[name] ?? [])
  })
}

/** A client of which nothing but the case itself decides what is sent. */
export const clientOf = ({ endpoint, region, credentials }: Omit<S3Target, "close">): S3Client =>
  new S3Client({
    endpoint,
    region,
    credentials,
    forcePathStyle: true,
    maxAttempts: 1,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED"
  })
