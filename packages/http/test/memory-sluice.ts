import type { ByteRange, ObjectContent, ObjectHead, Sluice, UploadOptions } from "@sluice/core/promise"
import { type UploadError, uploadError } from "@sluice/core/UploadError"

interface Kept {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly options: UploadOptions
}

/** An engine without a store, for tests of what stands in front of it. */
export interface MemorySluice extends Sluice {
  readonly objects: Map<string, Kept>
  /** Every later call fails with it. */
  fail: UploadError | undefined
  asked: number
}

const read = async (body: UploadOptions["body"]): Promise<Uint8Array<ArrayBuffer>> => {
  if (!(body instanceof ReadableStream) && !(body instanceof Uint8Array)) throw new Error("the routes send bytes")
  return new Uint8Array(await new Response(body instanceof Uint8Array ? new Uint8Array(body) : body).arrayBuffer())
}

const slice = (size: number, range: ByteRange): readonly [number, number] =>
  "suffix" in range ? [Math.max(0, size - range.suffix), size] : [range.start, Math.min(size, (range.end ?? size) + 1)]

export const memorySluice = (bucket = "test"): MemorySluice => {
  const objects = new Map<string, Kept>()
  const headOf = (key: string): ObjectHead & Kept => {
    const kept = objects.get(key)
    if (sluice.fail !== undefined) throw sluice.fail
    if (kept === undefined) throw uploadError({ _tag: "NoSuchKey" }, { bucket, key })
    const { contentType, contentEncoding, metadata } = kept.options
    return {
      ...kept,
      key,
      contentType,
      contentEncoding,
      metadata,
      size: kept.bytes.length,
      etag: `"${kept.bytes.length}"`,
      versionId: undefined,
      lastModified: new Date(0),
      crc32: undefined,
      serverSideEncryption: undefined
    }
  }
  const unused = (): never => {
    throw new Error("not used by the routes")
  }
  const dispose = async () => undefined
  const sluice: MemorySluice = {
    objects,
    fail: undefined,
    asked: 0,
    upload: (options) => {
      const done = (async () => {
        const bytes = await read(options.body).catch((cause) => {
          throw uploadError({ _tag: "SourceFailed", message: "the source failed: secret", cause })
        })
        if (sluice.fail !== undefined) throw sluice.fail
        if (options.size !== undefined && options.size !== bytes.length) {
          throw uploadError({ _tag: "SizeMismatch", declared: options.size, actual: bytes.length })
        }
        objects.set(options.key, { bytes, options })
        return {
          bucket,
          key: options.key,
          uri: `s3://${bucket}/${options.key}`,
          location: `http://store.test/${bucket}/${options.key}`,
          size: bytes.length,
          etag: String(bytes.length),
          versionId: undefined,
          crc32: 0x0a0b0c0d,
          proof: "source" as const,
          parts: 1
        }
      })()
      done.catch(() => undefined)
      return {
        ...{ done: () => done, abort: dispose, pause: unused, resume: unused, events: unused, progress: unused },
        [Symbol.asyncDispose]: dispose
      }
    },
    head: async (key) => headOf(key),
    get: async (key, { range, ifMatch } = {}): Promise<ObjectContent> => {
      const head = headOf(key)
      if (ifMatch !== undefined && ifMatch !== head.etag) {
        throw uploadError({ _tag: "PreconditionFailed", message: "another object" })
      }
      const [start, end] = range === undefined ? [0, head.size] : slice(head.size, range)
      if (range !== undefined && start >= end) {
        throw uploadError({ _tag: "InvalidRequest", message: "the store refuses the request (InvalidRange)" })
      }
      return {
        ...head,
        body: new Blob([head.bytes.slice(start, end)]).stream(),
        contentLength: end - start,
        contentRange: range === undefined ? undefined : `bytes ${start}-${end - 1}/${head.size}`
      }
    },
    remove: async (key) => {
      objects.delete(key)
    },
    resume: unused,
    cancel: unused,
    sessions: unused,
    verify: unused,
    read: unused,
    download: unused,
    source: unused,
    copy: unused,
    uploadAll: unused,
    list: unused,
    openUploads: unused,
    versions: unused,
    restore: unused,
    sweep: unused,
    sweepBucket: unused,
    applyLifecycle: unused,
    applyCors: unused,
    advise: unused,
    capabilities: unused,
    ready: async () => {
      sluice.asked++
      if (sluice.fail !== undefined) throw sluice.fail
    },
    describe: async () => ({
      plugins: [],
      bytes: { body: [], part: [], read: [] },
      unknownSize: [],
      notResumable: []
    }),
    bucket: async () => bucket,
    dispose,
    [Symbol.asyncDispose]: dispose
  }
  return sluice
}
