/** Sluice through its promise API, with its defaults. */
import * as FileJournal from "@sluice/core/FileJournal"
import { createSluice, isUploadError, Source, s3 } from "@sluice/core/promise"
import { chunks, job, play } from "./play.js"

const { bucket, credentials, endpoint, file, key, kind, onlyIfAbsent, partSize, region, resumable, state } = job

const sluice = createSluice({
  store: s3({ bucket, endpoint, region, credentials }),
  ...(partSize === undefined ? {} : { partSize }),
  ...(resumable === true ? { journal: FileJournal.layer(`${state}/journal`) } : {})
})
const request = {
  key,
  body: kind === "file" ? Source.file(file) : chunks(),
  ...(onlyIfAbsent === true ? { ifNoneMatch: /** @type {const} */ ("*") } : {})
}

/** @param {import("@sluice/core/promise").Upload} upload @param {AbortSignal} signal */
const settled = async (upload, signal) => {
  /** @type {Promise<void> | undefined} */
  let aborted
  signal.addEventListener("abort", () => {
    aborted = upload.abort()
  })
  await upload.done().finally(() => aborted)
}

await play(
  async (signal) => {
    try {
      const [kept] = resumable === true ? await sluice.sessions() : []
      if (kept === undefined) return await settled(sluice.upload(request), signal)
      try {
        await settled(sluice.resume(kept.sessionId, { body: request.body }), signal)
      } catch (error) {
        if (!isUploadError(error) || error.reason._tag !== "SourceChanged") throw error
        await sluice.cancel(kept.sessionId)
        await settled(sluice.upload(request), signal)
      }
    } finally {
      await sluice.dispose()
    }
  },
  { abortable: true }
)
