import { S3Error } from "../S3Error.ts"

/** What KMS says of a key: https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html */
export type KmsKeyState = "enabled" | "disabled" | "pendingDeletion"

/** Key id → state, read at every request: a test disables a key by `keys.set(id, "disabled")`. */
export type KmsKeys = ReadonlyMap<string, KmsKeyState>

/** The key of an account that names none. It is always enabled. */
const MANAGED_KEY = "aws/s3"

/** The ARN of the key a request names, by id, alias or ARN; the managed key if it names none. */
export function kmsArn(named: string | undefined, region: string): string {
  if (named?.startsWith("arn:") === true) return named
  return `arn:aws:kms:${region}:000000000000:key/${named ?? MANAGED_KEY}`
}

/** Refuses what KMS refuses to S3: a key that is not there, disabled, or on its way out. */
export function assertKeyUsable(arn: string, keys: KmsKeys | undefined): void {
  const id = arn.replace(/^arn:[^:]*:kms:[^:]*:[^:]*:(?:key\/)?/, "")
  if (id === MANAGED_KEY) return
  switch (keys?.get(id) ?? keys?.get(arn)) {
    case "enabled":
      return
    case "disabled":
      throw new S3Error("KMS.DisabledException", `${arn} is disabled.`)
    case "pendingDeletion":
      throw new S3Error("KMS.KMSInvalidStateException", `${arn} is pending deletion.`)
    case undefined:
      throw new S3Error("KMS.NotFoundException", `Key '${arn}' does not exist`)
  }
}
