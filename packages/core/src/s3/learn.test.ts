import { describe, expect, it } from "vitest"
import { type Diagnosis, diagnose } from "./classify-error.ts"
import { makeLearn } from "./learn.ts"

const refused = (code: string): Diagnosis => diagnose({ code, status: 403 }, { operation: "UploadPart" })
const keys = (accessKeyId: string) => ({ accessKeyId, secretAccessKey: "s", sessionToken: `token of ${accessKeyId}` })
const signedBy = (accessKeyId: string, date = "20261121T153006Z") => ({
  authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20261121/us-east-1/s3/aws4_request, SignedHeaders=host`,
  "x-amz-security-token": `token of ${accessKeyId}`,
  "x-amz-date": date,
  host: "media.s3.us-east-1.amazonaws.com"
})

/** A client without the SDK's own care: every call of `credentials` is a call of the provider. */
const clientWith = (provider: (call: number) => Promise<ReturnType<typeof keys>>) => {
  let refreshes = 0
  let current = keys("OLD")
  const config: Parameters<typeof makeLearn>[0]["config"] = {
    region: async () => "us-east-1",
    isCustomEndpoint: false,
    credentials: async (options?: { readonly forceRefresh?: boolean }) => {
      if (options?.forceRefresh === true) current = await provider(++refreshes)
      return current
    }
  }
  return { learn: makeLearn({ config }, "media"), config, refreshes: () => refreshes }
}

describe("credentials", () => {
  it("are asked for once by any number of refusals, during the call and after it", async () => {
    const answered = Promise.withResolvers<ReturnType<typeof keys>>()
    const { learn, refreshes } = clientWith(() => answered.promise)
    const lesson = () => learn(refused("ExpiredToken"), new Error("expired"), signedBy("OLD"))
    const early = Array.from({ length: 8 }, lesson)
    await Promise.resolve()
    answered.resolve(keys("NEW"))
    const errors = await Promise.all([...early, lesson()])
    for (const { retry, reason } of errors) {
      expect([retry, reason._tag]).toEqual(["temporary", "CredentialsUnavailable"])
    }
    expect((await lesson()).retry).toBe("temporary")
    expect(refreshes()).toBe(1)
  })

  it("are asked for again when they are refused again", async () => {
    const { learn, refreshes } = clientWith(async (call) => keys(`NEW${call}`))
    for (const name of ["OLD", "NEW1", "NEW2"]) {
      expect((await learn(refused("InvalidToken"), new Error("no"), signedBy(name))).retry).toBe("temporary")
    }
    expect(refreshes()).toBe(3)
  })

  it("that stay the same teach nothing now, and may later", async () => {
    const { learn, refreshes } = clientWith(async (call) => keys(call === 1 ? "OLD" : "NEW"))
    const lesson = () => learn(refused("InvalidAccessKeyId"), new Error("no"), signedBy("OLD"))
    expect((await lesson()).retry).toBe("permanent")
    expect((await lesson()).retry).toBe("temporary")
    expect(refreshes()).toBe(2)
  })

  it("that cannot be had are the error, and may be had later", async () => {
    const { learn } = clientWith(async (call) => {
      if (call === 1) throw Object.assign(new Error("the vault is sealed"), { name: "CredentialsProviderError" })
      return keys("NEW")
    })
    const lesson = () => learn(refused("ExpiredToken"), new Error("expired"), signedBy("OLD"))
    const error = await lesson()
    expect(error).toMatchObject({ reason: { _tag: "CredentialsUnavailable" }, retry: "permanent" })
    expect(error.message).toContain("the vault is sealed")
    expect((await lesson()).retry).toBe("temporary")
  })

  it("are not asked for when nothing was signed", async () => {
    const { learn, refreshes } = clientWith(async () => keys("NEW"))
    expect((await learn(refused("ExpiredToken"), new Error("expired"), undefined)).retry).toBe("permanent")
    expect(refreshes()).toBe(0)
  })
})

describe("the clock", () => {
  const { learn } = clientWith(async () => keys("NEW"))
  const answered = (at: string) => ({ $response: { headers: { date: new Date(at).toUTCString() } } })

  it.each([
    ["RequestTimeTooSkewed", "2026-11-21T15:35:06Z", "ClockSkewed", "temporary"],
    ["RequestTimeTooSkewed", "2026-11-21T15:33:06Z", "ClockSkewed", "permanent"],
    ["SignatureDoesNotMatch", "2026-11-21T15:25:06Z", "ClockSkewed", "temporary"],
    ["SignatureDoesNotMatch", "2026-11-21T15:30:06Z", "AccessDenied", "permanent"]
  ])("%s, signed at 15:30:06 and answered at %s, is %s, %s", async (code, at, reason, retry) => {
    const error = await learn(refused(code), answered(at), signedBy("OLD"))
    expect([error.reason._tag, error.retry]).toEqual([reason, retry])
  })

  it("of the answer's XML goes before that of its headers, and without either nothing is learned", async () => {
    const skewed = { ...answered("2026-11-21T15:30:06Z"), ServerTime: "2026-11-21T16:30:06Z" }
    expect((await learn(refused("RequestTimeTooSkewed"), skewed, signedBy("OLD"))).retry).toBe("temporary")
    expect((await learn(refused("RequestTimeTooSkewed"), new Error("no"), signedBy("OLD"))).retry).toBe("permanent")
  })
})

describe("the region", () => {
  const elsewhere = { Region: "eu-west-1" }

  it("is kept for all calls to come, and calls that were on their way are sent again", async () => {
    const { learn, config } = clientWith(async () => keys("NEW"))
    for (let i = 0; i < 3; i++) {
      expect((await learn(refused("PermanentRedirect"), elsewhere, signedBy("OLD"))).retry).toBe("temporary")
    }
    expect(await config.region()).toBe("eu-west-1")
  })

  it("is not looked for when the request went there already", async () => {
    const { learn } = clientWith(async () => keys("NEW"))
    const signed = {
      ...signedBy("OLD"),
      authorization: signedBy("OLD").authorization.replace("us-east-1", "eu-west-1")
    }
    expect((await learn(refused("PermanentRedirect"), elsewhere, signed)).retry).toBe("permanent")
  })
})

it("nothing is learned from other failures", async () => {
  const { learn, refreshes } = clientWith(async () => keys("NEW"))
  const diagnosis = refused("AccessDenied")
  expect(await learn(diagnosis, { Region: "eu-west-1" }, signedBy("OLD"))).toBe(diagnosis.error)
  expect(refreshes()).toBe(0)
})
