import { expect, it } from "vitest"
import type { ListedVersion } from "../ObjectStore.ts"
import { mergeVersions } from "./merge-versions.ts"

const entry = (key: string, versionId: string, seconds: number, isLatest = false): ListedVersion => ({
  ...{ key, versionId, isLatest, deleteMarker: versionId.startsWith("d"), size: 0, etag: "", storageClass: undefined },
  lastModified: new Date(seconds * 1_000)
})

const ids = (versions: ReadonlyArray<ListedVersion>) => versions.map(({ versionId }) => versionId)

it("versions and delete markers come by key, and the newest of a key first", () => {
  const versions = [entry("a", "v3", 30), entry("a", "v1", 10), entry("c", "v5", 50, true)]
  const markers = [entry("a", "d4", 40, true), entry("a", "d2", 20), entry("b", "d9", 90, true)]
  expect(ids(mergeVersions(versions, markers))).toEqual(["d4", "v3", "d2", "v1", "d9", "v5"])
  expect(ids(mergeVersions(versions, []))).toEqual(["v3", "v1", "v5"])
  expect(ids(mergeVersions([], markers))).toEqual(["d4", "d2", "d9"])
})

it("of one second, the one that the store calls the latest is the newest", () => {
  expect(ids(mergeVersions([entry("a", "v1", 10)], [entry("a", "d2", 10, true)]))).toEqual(["d2", "v1"])
  expect(ids(mergeVersions([entry("a", "v2", 10, true)], [entry("a", "d1", 10)]))).toEqual(["v2", "d1"])
})

it("keys are in the order of their UTF-8, beyond the first plane too", () => {
  // U+FF5E is below U+1F4BE in UTF-8, and above its surrogates in UTF-16.
  expect(ids(mergeVersions([entry("💾", "v2", 1)], [entry("～", "d1", 1)]))).toEqual(["d1", "v2"])
  expect(ids(mergeVersions([entry("～", "v1", 1)], [entry("💾", "d2", 1)]))).toEqual(["v1", "d2"])
  expect(ids(mergeVersions([entry("ab", "v2", 1)], [entry("a", "d1", 1)]))).toEqual(["d1", "v2"])
})
