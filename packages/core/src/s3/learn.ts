/**
 * What a failed call teaches about the way to the store: where the bucket is, what the clock says there, and
 * that the credentials have changed. One more attempt may then succeed where waiting would not help.
 *
 * @module
 */
import { mended, type UploadError } from "../UploadError.ts"
import type { Diagnosis } from "./classify-error.ts"
import { treatmentOf } from "./FaultClass.ts"
import { fromSdkError, type SdkError } from "./from-sdk-error.ts"
import { correctedEndpoint, type Endpoint, endpointNamedBy, hostOf, regionNamedBy } from "./named-place.ts"

/** Clocks further apart than this make signatures fail; the SDK learns the offset at the same distance. */
const skewMs = 240_000

/** Headers of the request that failed, as it was signed; undefined when it never got so far. */
export type SignedHeaders = Readonly<Record<string, string>> | undefined

const scopeOf = (signed: SignedHeaders) => {
  const [, accessKeyId, region] =
    /Credential=([^/,\s]+)\/\d{8}\/([^/,\s]+)\//.exec(signed?.["authorization"] ?? "") ?? []
  return { accessKeyId, region, sessionToken: signed?.["x-amz-security-token"] }
}

/** `20261121T153006Z`, as SigV4 writes it. */
const signedAt = (signed: SignedHeaders): number => {
  const [, date, hours, minutes, seconds] = /^(\d{8})T(\d\d)(\d\d)(\d\d)Z$/.exec(signed?.["x-amz-date"] ?? "") ?? []
  const day = date?.replace(/(\d{4})(\d\d)(\d\d)/, "$1-$2-$3")
  return Date.parse(`${day}T${hours}:${minutes}:${seconds}Z`)
}

/** Whether the request was signed at another time than the store's. The SDK signs the next one with its offset. */
const clockLearned = (cause: SdkError, signed: SignedHeaders): boolean => {
  const there = typeof cause.ServerTime === "string" ? cause.ServerTime : cause.$response?.headers?.["date"]
  return Math.abs(Date.parse(there ?? "") - signedAt(signed)) > skewMs
}

/** Whose signature it is; the rest is of no interest here. */
interface Identity {
  readonly accessKeyId: string
  readonly sessionToken?: string | undefined
}

/** What the lessons change, as client-s3 has it in its `config`. Read anew for each request. */
export interface Settings<Keys extends Identity = Identity> {
  readonly credentials: (options?: { readonly forceRefresh?: boolean }) => Promise<Keys>
  region: () => Promise<string>
  endpoint?: (() => Promise<Endpoint>) | undefined
  readonly isCustomEndpoint?: boolean | undefined
}

/** One client's lessons. Asked after each failure; answers with the error as it is to be retried, or not. */
export type Learn = (diagnosis: Diagnosis, cause: unknown, signed: SignedHeaders) => Promise<UploadError>

export const makeLearn = ({ config }: { readonly config: Settings }, bucket: string): Learn => {
  /** The refresh that answers for the credentials of this scope. */
  let refresh: { readonly of: string; readonly other: Promise<boolean> } | undefined

  /**
   * Whether other credentials than the ones that were refused are at hand. The SDK keeps refused ones until they
   * expire by their own word, so the provider is asked here: once, whatever the number of calls refused.
   */
  const credentialsLearned = async (signed: SignedHeaders): Promise<boolean> => {
    const { accessKeyId, sessionToken } = scopeOf(signed)
    if (accessKeyId === undefined) return false
    const refused = JSON.stringify([accessKeyId, sessionToken])
    if (refresh?.of === refused) return refresh.other
    const isOther = (now: Identity): boolean => now.accessKeyId !== accessKeyId || now.sessionToken !== sessionToken
    const other = config
      .credentials()
      .then((now) => isOther(now) || config.credentials({ forceRefresh: true }).then(isOther))
    const mine = { of: refused, other }
    refresh = mine
    try {
      if (await other) return true
    } catch (cause) {
      if (refresh === mine) refresh = undefined
      throw cause
    }
    // Nothing new yet: the next refusal may ask again.
    if (refresh === mine) refresh = undefined
    return false
  }

  /** Sets region and endpoint for all calls to come. Whether the refused request went elsewhere. */
  const placeLearned = async (cause: SdkError, signed: SignedHeaders): Promise<boolean> => {
    const before = await config.region()
    const region = regionNamedBy(cause) ?? before
    if (region !== before) config.region = async () => region
    const custom = config.isCustomEndpoint === true ? await config.endpoint?.() : undefined
    if (custom === undefined) return scopeOf(signed).region !== region
    const corrected = correctedEndpoint(custom, { before, region, bucket, named: endpointNamedBy(cause) })
    const host = hostOf(corrected)
    if (host !== hostOf(custom)) config.endpoint = async () => corrected
    return scopeOf(signed).region !== region || signed?.["host"]?.endsWith(host) === false
  }

  return async (diagnosis, thrown, signed) => {
    const { error, fault } = diagnosis
    const cause: SdkError = typeof thrown === "object" && thrown !== null ? thrown : {}
    const { remedy } = treatmentOf(fault)
    if (remedy === undefined) return error
    switch (remedy) {
      case "clock":
        return clockLearned(cause, signed)
          ? mended(error, {
              _tag: "ClockSkewed",
              message: "this machine's clock differs by minutes from the store's; set the clock"
            })
          : error
      case "credentials":
        try {
          return (await credentialsLearned(signed)) ? mended(error) : error
        } catch (cause) {
          return fromSdkError(cause, { ...error })
        }
      case "region":
        return (await placeLearned(cause, signed)) ? mended(error) : error
    }
  }
}
