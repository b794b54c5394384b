import { describe, expect, it } from "@effect/vitest"
import { profiles, TiB } from "@sluice/core/Limits"
import type { ObjectHead } from "@sluice/core/ObjectStore"
import type { ReadableBytes, UploadContext } from "@sluice/core/Plugin"
import { isUploadError } from "@sluice/core/UploadError"
import type { PartLayout, UploadPlan } from "@sluice/core/UploadPlan"
import { partAt, partCount } from "@sluice/core/UploadPlan"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as fc from "fast-check"
import { makeDataKey } from "./DataKey.ts"
import { chunkSize, overhead, saltSize, sealedParts, tagSize } from "./Format.ts"
import { decodeHeader, encodeHeader, headerName } from "./Header.ts"
import { clientSide } from "./index.ts"
import { localKeys } from "./Keys.ts"
import { openSealed } from "./open-sealed.ts"
import { sealPart } from "./seal-part.ts"

const pattern = (size: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = (i * 131) >> 3
  return bytes
}

const stored = (bytes: Uint8Array): ReadableBytes => ({
  size: bytes.length,
  open: async function* (offset, length = bytes.length) {
    // In pieces of no size in particular.
    for (let at = offset; at < Math.min(bytes.length, offset + length); at += 7_777) {
      yield bytes.slice(at, Math.min(at + 7_777, offset + length))
    }
  }
})

const read = async (bytes: ReadableBytes, offset = 0, length?: number): Promise<Buffer> => {
  const chunks: Array<Uint8Array> = []
  for await (const chunk of bytes.open(offset, length)) chunks.push(chunk.slice())
  return Buffer.concat(chunks)
}

const uniform = (partSize: number): PartLayout => ({ _tag: "Uniform", partSize })
const secret = pattern(32)
const head: ObjectHead = {
  key: "a.bin",
  size: 0,
  etag: "e",
  versionId: undefined,
  lastModified: undefined,
  crc32: undefined,
  serverSideEncryption: undefined
}

/** The object's plain bytes, or why there are none. */
const open = async (sealed: Uint8Array, layout: PartLayout, offset?: number, length?: number) => {
  const parts = sealedParts(layout, sealed.length)
  if (parts === undefined) return "not sealed"
  const key = await makeDataKey(pattern(32))
  return read(openSealed(key, parts, stored(sealed)), offset, length).catch((cause: unknown) => {
    if (!isUploadError(cause)) throw cause
    return cause.reason._tag
  })
}

const sealAll = async (plain: Uint8Array, layout: PartLayout): Promise<Buffer> => {
  const key = await makeDataKey(pattern(32))
  const count = partCount(layout, plain.length)
  const parts = Array.from({ length: count }, (_, i) => {
    const { offset, size } = partAt(layout, i + 1)
    const bytes = plain.subarray(offset, offset + size)
    const salt = crypto.getRandomValues(new Uint8Array(saltSize))
    return sealPart(key, salt, { partNumber: i + 1, offset, bytes, last: i + 1 === count })
  })
  return Buffer.concat((await Promise.all(parts)).flat())
}

const refused = (what: Awaited<ReturnType<typeof open>>) => expect(["not sealed", "ChecksumMismatch"]).toContain(what)

const layouts = fc.oneof(
  fc.integer({ min: 1, max: 3 * chunkSize }).map(uniform),
  fc
    .record({ partSize: fc.integer({ min: 1, max: chunkSize }), every: fc.integer({ min: 1, max: 5 }) })
    .map(({ every, partSize }): PartLayout => ({ _tag: "Doubling", partSize, every, maxPartSize: partSize * 2 ** 20 }))
)

describe("the arithmetic of a sealed object", () => {
  it("finds every part again from the stored length alone, whatever the layout", () => {
    fc.assert(
      fc.property(layouts, fc.integer({ min: 0, max: 40 }), fc.nat(3 * chunkSize), (layout, whole, more) => {
        const { offset, size } = partAt(layout, whole + 1)
        // No store takes a larger one, and no number beyond 2^53 is exact.
        fc.pre(offset <= 64 * TiB)
        const total = offset + Math.min(size, more)
        const count = partCount(layout, total)
        let at = 0
        const expected = Array.from({ length: count }, (_, i) => {
          const part = partAt(layout, i + 1)
          const plain = Math.min(part.size, total - part.offset)
          const found = { partNumber: i + 1, offset: part.offset, size: plain, storedOffset: at }
          at += plain + overhead(plain)
          return found
        })
        expect(sealedParts(layout, at)).toEqual(expected)
      })
    )
  })

  it("knows no object that is shorter than a salt and a tag, and none of one part whatever its length", () => {
    for (let size = 0; size < saltSize + tagSize; size++) expect(sealedParts(uniform(10), size)).toBeUndefined()
    expect(sealedParts({ _tag: "One" }, 5 + overhead(5))).toEqual([
      { partNumber: 1, offset: 0, size: 5, storedOffset: 0 }
    ])
  })
})

describe("a sealed object", () => {
  const three = pattern(25)
  const layout = uniform(10)

  it("is other bytes, and opens to what it was", async () => {
    const sealed = await sealAll(three, layout)
    expect(sealed.length).toBe(25 + 3 * overhead(10))
    expect(sealed.includes(Buffer.from(three.subarray(0, 10)))).toBe(false)
    expect(await open(sealed, layout)).toEqual(Buffer.from(three))
  })

  it("is refused when any bit of it is another", async () => {
    const sealed = await sealAll(three, layout)
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      refused(await open(changed, layout))
    }
  })

  it("is refused when it is cut off anywhere, or has more", async () => {
    for (const size of [0, 10, 25]) {
      const sealed = await sealAll(three.subarray(0, size), layout)
      for (let length = 0; length < sealed.length; length++) refused(await open(sealed.subarray(0, length), layout))
      refused(await open(Buffer.concat([sealed, new Uint8Array(1)]), layout))
      refused(await open(Buffer.concat([sealed, sealed]), layout))
    }
  })

  it("is refused when parts or chunks of it have changed places, or stand twice", async () => {
    const part = 10 + overhead(10)
    const sealed = await sealAll(three, layout)
    const [one, two, rest] = [sealed.subarray(0, part), sealed.subarray(part, 2 * part), sealed.subarray(2 * part)]
    expect(await open(Buffer.concat([one, two, rest]), layout)).toEqual(Buffer.from(three))
    refused(await open(Buffer.concat([two, one, rest]), layout))
    refused(await open(Buffer.concat([one, one, rest]), layout))
    refused(await open(Buffer.concat([one, rest]), layout))

    const chunk = chunkSize + tagSize
    const big = uniform(4 * chunkSize)
    const chunks = await sealAll(pattern(2 * chunkSize + 5), big)
    const [salt, a, b, c] = [
      chunks.subarray(0, saltSize),
      chunks.subarray(saltSize, saltSize + chunk),
      chunks.subarray(saltSize + chunk, saltSize + 2 * chunk),
      chunks.subarray(saltSize + 2 * chunk)
    ]
    const opened = await open(Buffer.concat([salt, a, b, c]), big)
    expect(opened === "not sealed" || Buffer.from(opened).equals(pattern(2 * chunkSize + 5))).toBe(true)
    refused(await open(Buffer.concat([salt, b, a, c]), big))
    refused(await open(Buffer.concat([salt, a, c]), big))
    refused(await open(Buffer.concat([salt, a, b]), big))
  })

  it("gives in a range what a slice gives, opening no chunk that the range does not touch", async () => {
    const plain = pattern(4 * chunkSize + 70_000)
    const ranged = uniform(chunkSize + 300_000)
    const sealed = await sealAll(plain, ranged)
    await fc.assert(
      fc.asyncProperty(fc.nat(plain.length + 10), fc.nat(plain.length), async (offset, length) => {
        const got = await open(sealed, ranged, offset, length)
        if (typeof got === "string") return expect.fail(got)
        expect(Buffer.compare(got, plain.subarray(offset, offset + length))).toBe(0)
      }),
      { numRuns: 40 }
    )
    const changed = Buffer.from(sealed)
    changed.fill(0, 0, saltSize)
    expect(await open(changed, ranged, plain.length - 10)).toEqual(Buffer.from(plain.subarray(-10)))
    refused(await open(changed, ranged, 0, 1))
  })
})

describe("the header", () => {
  const header = { keyId: "a", wrapped: pattern(60), commitment: pattern(32), layout: uniform(10) }

  it("is read back as it was written, for every layout", () => {
    for (const layout of [
      { _tag: "One" } as const,
      uniform(8 * 2 ** 20),
      { _tag: "Doubling", partSize: 8 * 2 ** 20, every: 1_000, maxPartSize: 2 ** 30 } as const
    ]) {
      expect(decodeHeader(encodeHeader({ ...header, layout }))).toEqual({ ...header, layout })
    }
  })

  it.each([
    "",
    "2;a;AAAA;AAAA;one",
    encodeHeader(header).replace(/^1/, "2"),
    encodeHeader(header).replace("uniform:10", "uniform:0"),
    encodeHeader(header).replace("uniform:10", "uniform:1e3"),
    encodeHeader(header).replace("uniform:10", "triple:10"),
    encodeHeader(header).replace(";a;", ";ä;"),
    `${encodeHeader(header)};more`,
    encodeHeader({ ...header, commitment: pattern(31) })
  ])("is refused as %j", (text) => {
    expect(decodeHeader(text)).toBeUndefined()
  })
})

/** The object as the plugin opens it, or why not. */
const through = (metadata: Readonly<Record<string, string>>, sealed: Uint8Array, id = "k", bytes = secret) =>
  Effect.scoped(
    Effect.flatMap(
      Effect.result(
        clientSide({ key: { id, secret: Redacted.make(bytes) } }).read?.open(
          { bucket: "media", head: { ...head, metadata } },
          stored(sealed)
        ) ?? Effect.succeed(undefined)
      ),
      (opened) =>
        Effect.promise(async () => {
          if (opened._tag === "Failure") return opened.failure.reason._tag
          if (opened.success === undefined) return "not ours"
          return read(opened.success).catch((cause: unknown) => (isUploadError(cause) ? cause.reason._tag : "thrown"))
        })
    )
  )

describe("keys", () => {
  const plain = pattern(25)
  const sealing = Effect.gen(function* () {
    const keys = yield* localKeys({ id: "k", secret })
    const bytes = pattern(32)
    const { commitment } = yield* Effect.promise(() => makeDataKey(bytes))
    const header = encodeHeader({ keyId: "k", wrapped: yield* keys.wrap(bytes), commitment, layout: uniform(10) })
    return { header, sealed: yield* Effect.promise(() => sealAll(plain, uniform(10))) }
  })

  it.effect("open what they have sealed, and leave alone what nobody sealed", () =>
    Effect.gen(function* () {
      const { header, sealed } = yield* sealing
      expect(yield* through({ [headerName]: header }, sealed)).toEqual(Buffer.from(plain))
      expect(yield* through({}, sealed)).toBe("not ours")
    })
  )

  it.effect("that are another one, or not there, open nothing", () =>
    Effect.gen(function* () {
      const { header, sealed } = yield* sealing
      expect(yield* through({ [headerName]: header }, sealed, "other")).toBe("InvalidRequest")
      expect(yield* through({ [headerName]: header }, sealed, "k", pattern(33).slice(1))).toBe("InvalidRequest")
    })
  )

  it.effect("open nothing by a header of which any character is another", () =>
    Effect.gen(function* () {
      const { header, sealed } = yield* sealing
      for (let i = 0; i < header.length; i++) {
        const other = header[i] === "A" ? "B" : "A"
        const got = yield* through({ [headerName]: header.slice(0, i) + other + header.slice(i + 1) }, sealed)
        // The last character of a base64 text may hold bits that mean nothing.
        if (typeof got === "string") expect(["InvalidRequest", "ChecksumMismatch"]).toContain(got)
        else expect(got).toEqual(Buffer.from(plain))
      }
    })
  )

  it.effect("commit to the data key: one wrapped in its place is refused before a byte is read", () =>
    Effect.gen(function* () {
      const { header, sealed } = yield* sealing
      const decoded = decodeHeader(header)
      if (decoded === undefined) return expect.fail("a header")
      const wrapped = yield* (yield* localKeys({ id: "k", secret })).wrap(pattern(40).slice(8))
      expect(yield* through({ [headerName]: encodeHeader({ ...decoded, wrapped }) }, sealed)).toBe("ChecksumMismatch")
    })
  )

  it.effect("are held to their commitment: the right data key under another one opens nothing", () =>
    Effect.gen(function* () {
      const { header, sealed } = yield* sealing
      const decoded = decodeHeader(header)
      if (decoded === undefined) return expect.fail("a header")
      const commitment = decoded.commitment.map((byte, i) => (i === 31 ? byte ^ 1 : byte))
      expect(yield* through({ [headerName]: encodeHeader({ ...decoded, commitment }) }, sealed)).toBe(
        "ChecksumMismatch"
      )
    })
  )

  it.effect("of the wrong length, or two of one id, are refused", () =>
    Effect.gen(function* () {
      for (const [current, previous] of [
        [{ id: "k", secret: pattern(31) }, []],
        [{ id: "no spaces", secret }, []],
        [{ id: "k", secret }, [{ id: "k", secret }]]
      ] as const) {
        const result = yield* Effect.result(localKeys(current, previous))
        expect(result._tag === "Failure" && result.failure.reason._tag).toBe("InvalidRequest")
      }
    })
  )
})

describe("a part that is sealed again", () => {
  it.effect("by a retry of the run or by a resume draws another salt, so that no nonce meets a key twice", () =>
    Effect.gen(function* () {
      const state = new Map<string, unknown>()
      const plugin = clientSide({ key: { id: "k", secret } })
      const bytes = pattern(100)
      const part = { partNumber: 1, offset: 0, bytes, last: true }
      const salts: Array<string> = []
      for (const resumed of [false, true]) {
        const { plan, part: hook } = yield* plugin.open(contextOf(state, resumed))
        if (plan === undefined || hook === undefined) return expect.fail("the plugin's hooks")
        if (!resumed) yield* plan(planned)
        for (let time = 0; time < 2; time++) {
          const sealed = yield* hook.transform(part)
          salts.push(Buffer.concat([sealed].flat()).subarray(0, saltSize).toString("hex"))
        }
      }
      expect(new Set(salts).size).toBe(4)
    }).pipe(Effect.scoped)
  )
})

const planned: UploadPlan = {
  key: "a.bin",
  mode: "multipart",
  size: 100,
  layout: uniform(100),
  attributes: {},
  condition: {},
  checksum: "FULL_OBJECT",
  resumable: true
}

/** What the engine opens the plugin with; `state` is the journal. */
const contextOf = (state: Map<string, unknown>, resumed: boolean): UploadContext => ({
  sessionId: "s",
  bucket: "media",
  key: "a.bin",
  source: { size: 100, name: undefined, contentType: undefined, replayable: true, identity: undefined },
  capabilities: profiles.aws,
  annotations: {},
  resumed,
  saved: resumed ? state.get("saved") : undefined,
  save: (saved) => Effect.sync(() => void state.set("saved", saved)),
  exists: () => Effect.succeed(false),
  stored: () => Effect.never
})
