import { assert, describe, it } from "@effect/vitest"
import { profiles } from "@sluice/core/Limits"
import type { UploadContext } from "@sluice/core/Plugin"
import type { UploadPlan } from "@sluice/core/UploadPlan"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "fast-check"
import { type KeyLayoutOptions, keyLayout } from "./index.ts"
import { byteLength } from "./safe-name.ts"

const noon = Date.UTC(2026, 10, 21, 9, 5, 7)

const plan = (key: string): UploadPlan => ({
  key,
  mode: "single",
  size: 3,
  layout: { _tag: "Uniform", partSize: 8 * 2 ** 20 },
  attributes: { metadata: { kept: "yes" } },
  condition: {},
  checksum: "FULL_OBJECT",
  resumable: true
})

interface Given {
  readonly key?: string
  readonly name?: string
  readonly annotations?: Readonly<Record<string, string>>
  /** Keys at which objects stand. */
  readonly standing?: ReadonlyArray<string>
  readonly capabilities?: UploadContext["capabilities"]
  readonly condition?: UploadPlan["condition"]
}

const context = ({
  key = "asked/for.csv",
  name,
  annotations = {},
  standing = [],
  capabilities
}: Given): UploadContext => ({
  sessionId: "s1",
  bucket: "media",
  key,
  source: { size: 3, name, contentType: undefined, replayable: true, identity: undefined },
  capabilities: capabilities ?? profiles.aws,
  annotations,
  resumed: false,
  saved: undefined,
  save: () => Effect.void,
  exists: (asked) => Effect.succeed(standing.includes(asked)),
  stored: () => Effect.never
})

/** The plan after the plugin; the upload is over when the caller's scope closes. */
const planned = Effect.fnUntraced(function* (plugin: ReturnType<typeof keyLayout>, given: Given = {}) {
  const upload = context(given)
  const hooks = yield* plugin.open(upload)
  const before = { ...plan(upload.key), condition: given.condition ?? {} }
  return hooks.plan === undefined ? before : yield* hooks.plan(before)
})

const keyOf = (options: KeyLayoutOptions, given: Given = {}) =>
  Effect.scoped(Effect.map(planned(keyLayout(options), given), (after) => after.key))

const atNoon = TestClock.setTime(noon)

describe("the key", () => {
  it.effect("is the user's folder, the time in UTC and the file's name", () =>
    Effect.gen(function* () {
      yield* atNoon
      const options = { user: "42" }
      assert.strictEqual(yield* keyOf(options, { name: "rows.csv" }), "datasets/user_42/20261121_090507_rows.csv")
      assert.strictEqual(yield* keyOf(options), "datasets/user_42/20261121_090507_for.csv")
    })
  )

  it.effect("takes the user from the upload, and its own prefix and template", () =>
    Effect.gen(function* () {
      yield* atNoon
      const user: KeyLayoutOptions["user"] = (upload) => upload.annotations["user"] ?? ""
      const given = { name: "a.txt", annotations: { user: "ann" } }
      assert.strictEqual(yield* keyOf({ user, prefix: "/in/" }, given), "in/user_ann/20261121_090507_a.txt")
      assert.strictEqual(yield* keyOf({ user, prefix: "" }, given), "user_ann/20261121_090507_a.txt")
      const template: KeyLayoutOptions["template"] = ({ user, date, filename }) => `${date}/${user}/${filename}`
      assert.strictEqual(yield* keyOf({ user, template }, given), "20261121/ann/a.txt")
    })
  )

  it.effect("is refused without a user, and where the template leads out of its folders", () =>
    Effect.gen(function* () {
      for (const options of [
        { user: "" },
        { user: " " },
        { user: "1", template: () => "a//b" },
        { user: "1", template: () => "../b" },
        { user: "1", template: () => "" },
        { user: "1", prefix: "x".repeat(1_030) }
      ]) {
        const error = yield* Effect.flip(keyOf(options))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
      }
    })
  )
})

describe("what strangers chose", () => {
  const layout = /^datasets\/user_[^/]+\/\d{8}_\d{6}_[^/]+$/

  it.effect.each([
    ["../../etc/passwd", "passwd"],
    ["..\\..\\boot.ini", "boot.ini"],
    ["..", "unnamed"],
    ["", "unnamed"],
    ["a\u0000b\r\nc.txt", "a_b_c.txt"],
    ["e\u0301te\u0301.txt", "\u00e9t\u00e9.txt"],
    ["photo\u202egpj.exe", "photo_gpj.exe"],
    ["half\ud800.txt", "half\ufffd.txt"]
  ])("a file named %j is stored under its harmless name", ([name, expected]) =>
    Effect.gen(function* () {
      yield* atNoon
      const key = yield* keyOf({ user: "1" }, { name: name ?? "", key: "" })
      assert.strictEqual(key, `datasets/user_1/20261121_090507_${expected}`)
    })
  )

  it.effect("never leaves the user's folder, whatever the names and ids are", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.oneof(
            fc.string({ unit: "binary", maxLength: 3_000 }),
            fc.constantFrom("..", "../..", "a/../b", "%2e%2e/")
          ),
          fc.oneof(
            fc.string({ unit: "binary", minLength: 1, maxLength: 400 }),
            fc.constantFrom("..", "../1", ".", "a\\b")
          ),
          async (name, user) => {
            if (user.trim() === "") return
            const key = await Effect.runPromise(keyOf({ user }, { name, standing: [] }))
            assert.match(key, layout)
            assert.notInclude(key, "..")
            assert.notMatch(key, /\p{Cc}/u)
            assert.isTrue(key.isWellFormed())
            assert.isAtMost(byteLength(key), 1_024)
          }
        )
      )
    )
  )

  it.effect("two users never share a folder, however alike their ids", () =>
    Effect.gen(function* () {
      const ids = [
        "a_b",
        "a/b",
        "a\\b",
        "a\u0000b",
        "..",
        "../..",
        ".",
        "unnamed",
        "x".repeat(128),
        "x".repeat(129),
        "~"
      ]
      const folders = new Set<string>()
      for (const user of ids) folders.add((yield* keyOf({ user })).split("/")[1] ?? "")
      assert.strictEqual(folders.size, ids.length)
      // Nor can an id be chosen that looks like another's changed one.
      const changed = (yield* keyOf({ user: "a/b" })).split("/")[1]?.slice("user_".length) ?? ""
      assert.notInclude(yield* keyOf({ user: changed }), `/user_${changed}/`)
    })
  )

  it.effect("a name that is too long keeps its extension", () =>
    Effect.gen(function* () {
      const key = yield* keyOf({ user: "1" }, { name: `${"\u00e4".repeat(2_000)}.parquet` })
      assert.isTrue(key.endsWith("\u00e4.parquet"))
      assert.isAtMost(byteLength(key), 1_024)
      assert.isAtLeast(byteLength(key), 1_010)
    })
  )
})

describe("a key that is taken", () => {
  it.effect("gets the first free number before its extension", () =>
    Effect.gen(function* () {
      yield* atNoon
      const base = "datasets/user_1/20261121_090507_"
      const standing = [`${base}a.tar.gz`, `${base}a.tar_1.gz`]
      assert.strictEqual(yield* keyOf({ user: "1" }, { name: "a.tar.gz", standing }), `${base}a.tar_2.gz`)
      assert.strictEqual(
        yield* keyOf({ user: "1" }, { name: "README", standing: [`${base}README`] }),
        `${base}README_1`
      )
    })
  )

  it.effect("is also one that another upload of this process is about to write, until that one ends", () =>
    Effect.gen(function* () {
      yield* atNoon
      const plugin = keyLayout({ user: "1" })
      const scope = yield* Scope.make()
      const open = Effect.map(Scope.provide(planned(plugin, { name: "a.csv" }), scope), (after) => after.key)
      const keys = yield* Effect.all([open, open, open], { concurrency: "unbounded" })
      assert.deepStrictEqual(
        [...keys].sort(),
        ["", "_1", "_2"].map((suffix) => `datasets/user_1/20261121_090507_a${suffix}.csv`).sort()
      )
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Effect.scoped(planned(plugin, { name: "a.csv" }))).key, keys[0])
    })
  )

  it.effect("is not overwritten by another process either, where the store honours conditions", () =>
    Effect.gen(function* () {
      const plugin = keyLayout({ user: "1" })
      assert.deepStrictEqual((yield* Effect.scoped(planned(plugin))).condition, { ifNoneMatch: "*" })
      const b2 = { capabilities: profiles.b2 }
      assert.deepStrictEqual((yield* Effect.scoped(planned(plugin, b2))).condition, {})
      const condition = { ifMatch: "abc" }
      assert.deepStrictEqual((yield* Effect.scoped(planned(plugin, { condition }))).condition, condition)
    })
  )
})

describe("metadata", () => {
  it.effect("tells when it was uploaded and what it was called, in ASCII", () =>
    Effect.gen(function* () {
      yield* atNoon
      const after = yield* Effect.scoped(
        planned(keyLayout({ user: "1" }), { name: "Z\u00fcrich 1/r\u00e9sum\u00e9 %.pdf" })
      )
      const metadata = after.attributes.metadata ?? {}
      assert.strictEqual(metadata["uploaded_at"], "2026-11-21T09:05:07.000Z")
      assert.strictEqual(metadata["original_filename"], "r%C3%A9sum%C3%A9%20%25.pdf")
      assert.strictEqual(decodeURIComponent(metadata["original_filename"] ?? ""), "r\u00e9sum\u00e9 %.pdf")
      assert.strictEqual(metadata["kept"], "yes")
    })
  )

  it.effect("leaves room for others, and is only what was asked for", () =>
    Effect.gen(function* () {
      const long = yield* Effect.scoped(planned(keyLayout({ user: "1" }), { name: "\u{1f600}".repeat(500) }))
      const encoded = long.attributes.metadata?.["original_filename"] ?? ""
      assert.isAtMost(encoded.length, 1_024)
      assert.match(decodeURIComponent(encoded), /^\u{1f600}+$/u)
      const none = yield* Effect.scoped(planned(keyLayout({ user: "1", metadata: [] })))
      assert.deepStrictEqual(none.attributes.metadata, { kept: "yes" })
    })
  )
})
