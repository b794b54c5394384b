/** Answers that are no answers, come in pieces, or not at all (docs/reliability.md). */
import { Journal, ObjectStore, S3ObjectStore, Source, Uploader } from "@sluice/core"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { expect, it } from "vitest"
import { pattern } from "../engine/bytes.ts"
import { onFaultyStores, put } from "../engine/target.ts"
import { attempt, failedWith, freshKey, type Outcome, quick, type Setup, succeeded } from "../engine/trial.ts"
import { operationOf, type Rewrite, startRewritingStore } from "./rewriting-store.ts"

const bytes = pattern(quick.partSize + 1_000)
const older = pattern(20, 99)
const always = Number.POSITIVE_INFINITY
const status = (status: number, code: string) => ({ type: "status", status, code }) as const

const retried = ({ events }: Outcome): ReadonlyArray<string> =>
  events.flatMap((event) => (event._tag === "Retrying" ? [event.error.reason._tag] : []))

onFaultyStores("a store", (target) => {
  /** One upload through a proxy that may answer instead of the store. */
  const through = async (rewrite: Rewrite, setup: Setup = {}, key = freshKey()): Promise<Outcome> => {
    await using proxy = await startRewritingStore(target().store.endpoint, rewrite)
    return await attempt(target(), { key, body: bytes }, { ...setup, store: { endpoint: proxy.endpoint } })
  }
  /** Replaces the first answer to one operation; the store has done its work before, where `applied`. */
  const first = (operation: string, body: string, code = 200, applied = false): Rewrite => {
    let done = false
    return async (asked, relay) => {
      if (done || operationOf(asked) !== operation) return relay()
      done = true
      if (applied) await relay()
      return { status: code, body }
    }
  }

  it.each([502, 503, 504])(
    "whose load balancer answers a part with a page of status %i is asked again [row 20]",
    async (code) => {
      const page = "<html><head><title>Bad Gateway</title></head><body><h1>nginx</h1></body></html>"
      const outcome = await through(first("UploadPart", page, code))
      succeeded(outcome)
      expect(retried(outcome)).toEqual(["Unavailable"])
    }
  )

  it("that is given every part twice, the second time late, has the object once [row 26]", async () => {
    const twice: Rewrite = async (asked, relay) => {
      if (operationOf(asked) === "UploadPart") await relay()
      return relay()
    }
    const key = freshKey()
    succeeded(await through(twice, {}, key))
    expect(target().count("UploadPart", key)).toBe(4)
  })

  it("that says it got only some of a part's bytes gets them again [row 19]", async () => {
    const key = freshKey()
    target().faults.add({
      match: { op: "UploadPart", key, partNumber: 1 },
      action: status(400, "IncompleteBody")
    })
    const outcome = await attempt(target(), { key, body: bytes })
    succeeded(outcome)
    expect(retried(outcome)).toEqual(["ChecksumMismatch"])
  })

  it.each([
    ["white space", " \n  \n"],
    [
      "a document that breaks off",
      '<?xml version="1.0" encoding="UTF-8"?>\n<CompleteMultipartUploadResult><ETag>&quot;0a'
    ],
    ["a document of something else", '<?xml version="1.0"?>\n<Status>fine</Status>']
  ])("whose answer to an applied Complete is %s is looked at [row 36]", async (_, body) => {
    const key = freshKey()
    succeeded(await through(first("Complete", body, 200, true), {}, key))
    expect(target().count("CompleteMultipartUpload", key)).toBe(1)
  })

  it("whose answer to an applied Complete never comes is looked at when it has been silent too long", async () => {
    const key = freshKey()
    const silent: Rewrite = async (asked, relay) => {
      const answer = await relay()
      return operationOf(asked) === "Complete" ? new Promise(() => undefined) : answer
    }
    succeeded(await through(silent, { completeIdleTimeoutMs: 500 }, key))
    expect(target().count("CompleteMultipartUpload", key)).toBe(1)
  })

  it("that works at Complete and says so in white space is alive at each of it [row 39]", async () => {
    const key = freshKey()
    let heard: (() => void) | undefined
    let alive = 0
    const working: Rewrite = async (asked, relay) => {
      const answer = await relay()
      if (operationOf(asked) !== "Complete") return answer
      const body = async function* (): AsyncGenerator<string> {
        for (let i = 0; i < 5; i++) {
          // Not before the piece before it was seen.
          const next = new Promise<void>((resolve) => {
            heard = resolve
          })
          yield " "
          await next
        }
        if (typeof answer.body === "string") yield answer.body
      }
      return { ...answer, body: body() }
    }
    await using proxy = await startRewritingStore(target().store.endpoint, working)
    const store = Layer.effect(
      ObjectStore.ObjectStore,
      Effect.map(ObjectStore.ObjectStore, (inner) => ({
        ...inner,
        completeMultipartUpload: (input) => {
          const onActivity = (): void => {
            alive++
            heard?.()
            input.onActivity?.()
          }
          return inner.completeMultipartUpload({ ...input, onActivity })
        }
      }))
    ).pipe(Layer.provide(S3ObjectStore.layer({ ...target().store, endpoint: proxy.endpoint })))
    const upload = Uploader.use((uploader) => uploader.upload({ key, source: Source.fromBytes(bytes) }))
    const layer = Uploader.layer(quick).pipe(Layer.provide([store, Journal.layerMemory]))
    expect(await Effect.runPromise(Effect.provide(upload, layer))).toMatchObject({ size: bytes.length })
    expect(alive).toBeGreaterThanOrEqual(5)
  })

  it.each([
    ["412", 412, "PreconditionFailed"],
    ["409", 409, "ConditionalRequestConflict"]
  ])("that answers Complete with %s keeps the older object, and none of the parts [row 42]", async (_, code, name) => {
    const key = freshKey()
    await put(target(), key, older)
    target().faults.add({
      match: { op: "CompleteMultipartUpload", key },
      action: status(code, name),
      times: always
    })
    const outcome = await attempt(target(), { key, body: bytes, ifNoneMatch: "*" }, { standing: older })
    failedWith(outcome, "PreconditionFailed")
    expect(target().count("CompleteMultipartUpload", key)).toBe(1)
  })

  it("that finds another size or checksum at Complete is told again, and then fails the upload [row 43]", async () => {
    const key = freshKey()
    target().faults.add({
      match: { op: "CompleteMultipartUpload", key },
      action: status(400, "BadDigest"),
      times: always
    })
    failedWith(await attempt(target(), { key, body: bytes }), "ChecksumMismatch")
    expect(target().count("CompleteMultipartUpload", key)).toBe(3)
  })

  it.each([
    ["KMS.DisabledException", "InvalidRequest"],
    ["KMS.NotFoundException", "InvalidRequest"],
    ["AccessDenied", "AccessDenied"]
  ] as const)("whose key for encryption answers %s gets no byte of the object [rows 4, 62]", async (code, reason) => {
    const key = freshKey()
    target().faults.add({
      match: { op: "CreateMultipartUpload", key },
      action: status(400, code),
      times: always
    })
    failedWith(await attempt(target(), { key, body: bytes, encryption: { mode: "SSE-S3" } }), reason)
    expect(target().count("CreateMultipartUpload", key)).toBe(1)
    expect(target().count("UploadPart", key)).toBe(0)
  })

  it("whose key service is busy is asked again [row 62]", async () => {
    const key = freshKey()
    const action = status(400, "KMS.ThrottlingException")
    target().faults.add({ match: { op: "UploadPart", key, partNumber: 1 }, action })
    const outcome = await attempt(target(), { key, body: bytes })
    succeeded(outcome)
    expect(retried(outcome)).toEqual(["Throttled"])
  })
})
