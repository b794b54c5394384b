import type { ListedVersion } from "../ObjectStore.ts"

/** A UTF-16 unit as a number that orders as UTF-8 does: surrogates stand above the rest of the first plane. */
const rank = (unit: number): number => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit)

/** Keys in the order of listings, which is that of their UTF-8 (API Reference, ListObjectVersions). */
const compareKeys = (a: string, b: string): number => {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)]
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** By key; of one key the newest first, and of one time the one that the store calls the latest. */
const compare = (a: ListedVersion, b: ListedVersion): number =>
  compareKeys(a.key, b.key) ||
  Number(b.isLatest) - Number(a.isLatest) ||
  (b.lastModified?.getTime() ?? 0) - (a.lastModified?.getTime() ?? 0)

/**
 * Versions and delete markers in one order. S3 answers in it; the SDK's parser puts the two into lists of their own, each
 * in order, and their times are all that is left to tell (whole seconds on AWS: of one second, versions come first).
 */
export const mergeVersions = (
  versions: ReadonlyArray<ListedVersion>,
  markers: ReadonlyArray<ListedVersion>
): ReadonlyArray<ListedVersion> => {
  const merged: Array<ListedVersion> = []
  let taken = 0
  for (const version of versions) {
    for (let marker = markers[taken]; marker !== undefined && compare(marker, version) < 0; marker = markers[taken]) {
      merged.push(marker)
      taken++
    }
    merged.push(version)
  }
  return [...merged, ...markers.slice(taken)]
}
