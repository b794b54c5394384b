import { okXml } from "../respond.ts"
import type { Handler } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"

/** The name of a directory bucket, of S3 Express One Zone. */
const directoryBucket = /--x-s3$/

export const createSession: Handler = async ({ bucket, headers }, { model, sessions, clock }) => {
  model.bucket(bucket)
  if (sessions === undefined || !directoryBucket.test(bucket)) {
    throw new S3Error("MethodNotAllowed", "Sessions are for directory buckets, whose names end in --x-s3.")
  }
  const mode = headers["x-amz-create-session-mode"] ?? "ReadWrite"
  if (mode !== "ReadWrite" && mode !== "ReadOnly") throw new S3Error("InvalidArgument", "Unknown session mode.")
  const { credentials, expires } = sessions.create(bucket, mode, clock())
  return okXml("CreateSessionResult", {
    Credentials: {
      SessionToken: credentials.sessionToken,
      SecretAccessKey: credentials.secretAccessKey,
      AccessKeyId: credentials.accessKeyId,
      Expiration: new Date(expires).toISOString()
    }
  })
}
