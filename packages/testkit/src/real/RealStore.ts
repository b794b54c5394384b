import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"

/** A real S3 server to test against: ours alone (a process with its own data directory), or one that runs elsewhere. */
export interface RealStore extends AsyncDisposable {
  readonly endpoint: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  createBucket(name: string): Promise<void>
  /** Ends the process and removes its data; a server that we did not start is left as it is. */
  close(): Promise<void>
}

/** Where a running server is and who we are there. */
export type StoreAddress = Pick<RealStore, "endpoint" | "region" | "credentials">

export const realStore = (address: StoreAddress, close: () => Promise<void>): RealStore => ({
  ...address,
  createBucket: async (name) => {
    const client = new S3Client({ ...address, forcePathStyle: true })
    try {
      await client.send(new CreateBucketCommand({ Bucket: name }))
    } finally {
      client.destroy()
    }
  },
  close,
  [Symbol.asyncDispose]: close
})
