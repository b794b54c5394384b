import type { Bucket } from "../Bucket.ts"
import { versionIdOf } from "../Bucket.ts"
import type { Version } from "../Records.ts"
import { okXml, quote } from "../respond.ts"
import type { Handler } from "../S3Context.ts"
import { S3Error } from "../S3Error.ts"
import { owner } from "./owner.ts"
import { compareKeys, nameEncoder, pageOf, pageSize } from "./paging.ts"

/** All versions and delete markers: by key, and the newest of a key first. */
export const listObjectVersions: Handler = async ({ bucket: name, query }, { model }) => {
  const bucket = model.bucket(name)
  const encode = nameEncoder(query)
  const keyMarker = query.get("key-marker") ?? ""
  const versionMarker = query.get("version-id-marker")
  if (versionMarker !== undefined && keyMarker === "") {
    throw new S3Error("InvalidArgument", "A version-id marker cannot be specified without a key marker.", {
      ArgumentName: "version-id-marker",
      ArgumentValue: versionMarker
    })
  }
  const max = pageSize(query, "max-keys")
  const delimiter = query.get("delimiter")
  const page = pageOf(sortedVersions(bucket), ({ key }) => key, afterMarkers(bucket, keyMarker, versionMarker), {
    prefix: query.get("prefix") ?? "",
    delimiter: delimiter ?? "",
    max
  })
  const last = page.items.at(-1)
  return okXml("ListVersionsResult", {
    Name: name,
    Prefix: encode(query.get("prefix") ?? ""),
    KeyMarker: encode(keyMarker),
    VersionIdMarker: versionMarker ?? "",
    NextKeyMarker: page.truncated ? encode(page.last ?? "") : undefined,
    NextVersionIdMarker: page.truncated && last !== undefined && last.key === page.last ? versionIdOf(last) : undefined,
    MaxKeys: max,
    Delimiter: delimiter === undefined ? undefined : encode(delimiter),
    IsTruncated: page.truncated,
    EncodingType: query.get("encoding-type"),
    // Versions and markers stand in one order, as on S3.
    "": page.items.map((version) => entry(bucket, version, encode)),
    CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: encode(prefix) }))
  })
}

function* sortedVersions(bucket: Bucket): Generator<Version, void, undefined> {
  for (const key of [...bucket.keys()].sort(compareKeys)) yield* bucket.versions(key)
}

/** The page goes on after a key, or after one version of it: then with its older ones. */
function afterMarkers(bucket: Bucket, keyMarker: string, versionMarker: string | undefined) {
  const versions = bucket.versions(keyMarker)
  const marked = versions.findIndex((version) => versionIdOf(version) === versionMarker)
  const older = new Set(marked < 0 ? [] : versions.slice(marked + 1))
  return (name: string, version: Version): boolean =>
    keyMarker === "" || older.has(version) || compareKeys(name, keyMarker) > 0
}

function entry(bucket: Bucket, version: Version, encode: (name: string) => string) {
  const common = {
    Key: encode(version.key),
    VersionId: versionIdOf(version),
    IsLatest: bucket.versions(version.key)[0] === version,
    LastModified: new Date(version.modified).toISOString()
  }
  if (version.kind === "marker") return { DeleteMarker: { ...common, Owner: owner } }
  return {
    Version: {
      ...common,
      ETag: quote(version.etag),
      Size: version.size,
      StorageClass: version.headers["x-amz-storage-class"] ?? "STANDARD",
      ChecksumAlgorithm: version.checksum?.algorithm,
      ChecksumType: version.checksum?.type,
      Owner: owner
    }
  }
}
