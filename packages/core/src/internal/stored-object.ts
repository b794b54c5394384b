import { uriOf } from "../ObjectStore.ts"
import type { StoredObject } from "../StoredObject.ts"
import type { Finished } from "./run-single.ts"
import type { SessionRun } from "./upload-run.ts"

/** What a finished upload answers with. */
export const storedObject = (run: SessionRun, { written, expected, parts, proven }: Finished): StoredObject => {
  const { bucket, key } = run.session()
  return {
    bucket,
    key,
    uri: uriOf(run.store, key),
    location: run.store.location(key),
    size: expected.size,
    etag: written.etag,
    versionId: written.versionId,
    crc32: expected.crc32,
    proof: proven ? "source" : "transport",
    parts
  }
}
