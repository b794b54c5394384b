import type { Session } from "@sluice/core/Session"

/**
 * A session as an upload in parts begins it, for tests of journals and of what reads them: `s`, of an object of unknown
 * size, made at 0 ms. `change` says what is to be another.
 *
 * ```ts
 * import { exampleSession } from "@sluice/testkit/conformance/journal"
 *
 * const begun = exampleSession({ state: "uploading", uploadId: "u" })
 * console.log(begun.key)
 * ```
 */
export const exampleSession = (change: Partial<Session> = {}): Session => ({
  format: 1,
  sessionId: "s",
  version: 1,
  state: "created",
  bucket: "media",
  key: "talks/intro.mp4",
  mode: "multipart",
  uploadId: undefined,
  writeToken: "not to be told",
  size: undefined,
  layout: { _tag: "Uniform", partSize: 8 * 1024 * 1024 },
  attributes: {},
  condition: {},
  checksum: "FULL_OBJECT",
  resumable: true,
  source: undefined,
  maxSize: undefined,
  suspects: [],
  plugins: [],
  pluginState: {},
  undelivered: [],
  createdAt: 0,
  updatedAt: 0,
  ...change
})
