/**
 * A store without sockets, for promises about hours: it keeps parts in memory and answers when virtual time says so.
 */
import { createHash } from "node:crypto"
import { ObjectStore, type UploadError, uploadError } from "@sluice/core"
import { crc32OfSlices, predictEtag } from "@sluice/core/Checksum"
import { profiles } from "@sluice/core/Limits"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

interface KeptPart {
  readonly size: number
  readonly etag: string
  readonly crc32: number
  readonly slices: ReadonlyArray<Uint8Array>
}

interface Upload {
  readonly key: string
  readonly metadata: Readonly<Record<string, string>>
  readonly parts: Map<number, KeptPart>
}

export interface Attempt {
  readonly key: string
  readonly partNumber: number
  readonly attempt: number
  /** Milliseconds since the store began. */
  readonly at: number
}

export interface VirtualStore {
  readonly api: ObjectStore.ObjectStoreApi
  /** Every UploadPart that came, in order. */
  readonly attempts: ReadonlyArray<Attempt>
  readonly openUploads: () => number
  readonly object: (key: string) => Uint8Array | undefined
}

/** What a call meets at a time, in milliseconds since the store began: an error, or nothing. */
export type Weather = (operation: ObjectStore.StoreOperation["_tag"], at: number) => UploadError | undefined

/** How long a part takes, in milliseconds. */
export type Pace = (part: Pick<Attempt, "partNumber" | "attempt">) => number

export const makeVirtualStore = (weather: Weather, pace: Pace = () => 1_000): Effect.Effect<VirtualStore> =>
  Effect.map(Clock.currentTimeMillis, (began) => {
    const uploads = new Map<string, Upload>()
    const objects = new Map<string, { readonly bytes: Uint8Array; readonly upload: Upload; readonly etag: string }>()
    const attempts: Array<Attempt> = []
    let ids = 0

    const known = (uploadId: string): Effect.Effect<Upload, UploadError> => {
      const upload = uploads.get(uploadId)
      return upload === undefined ? Effect.fail(uploadError({ _tag: "NoSuchUpload" })) : Effect.succeed(upload)
    }
    const sizesOf = ({ slices, size }: ObjectStore.PartBody): KeptPart => {
      const hash = createHash("md5")
      for (const slice of slices) hash.update(slice)
      // Slabs are used again: what is kept is a copy.
      return { size, etag: hash.digest("hex"), crc32: crc32OfSlices(slices), slices: slices.map((one) => one.slice()) }
    }
    const unused = Effect.fail(uploadError({ _tag: "InvalidRequest", message: "not in this store" }))

    const fair: ObjectStore.ObjectStoreApi = {
      bucket: "media",
      capabilities: profiles.generic,
      location: (key) => `virtual:${key}`,
      createMultipartUpload: ({ key, metadata = {} }) =>
        Effect.sync(() => {
          const uploadId = `upload-${++ids}`
          uploads.set(uploadId, { key, metadata, parts: new Map() })
          return { uploadId, encryption: undefined }
        }),
      uploadPart: ({ uploadId, partNumber, body, attempt }) =>
        Effect.map(Effect.delay(known(uploadId), pace({ partNumber, attempt })), ({ parts }) => {
          const part = sizesOf(body)
          body.onAccepted?.(part.size)
          parts.set(partNumber, part)
          return { etag: part.etag, crc32: part.crc32 }
        }),
      completeMultipartUpload: ({ uploadId, key }) =>
        Effect.map(known(uploadId), (upload) => {
          const parts = [...upload.parts].sort(([a], [b]) => a - b).map(([, part]) => part)
          const etag = predictEtag(parts.map((part) => part.etag)) ?? ""
          objects.set(key, { bytes: Buffer.concat(parts.flatMap((part) => [...part.slices])), upload, etag })
          uploads.delete(uploadId)
          return { etag, versionId: undefined, encryption: undefined }
        }),
      abortMultipartUpload: ({ uploadId }) =>
        Effect.map(known(uploadId), () => {
          uploads.delete(uploadId)
        }),
      listParts: ({ uploadId }) =>
        Effect.map(known(uploadId), ({ parts }) => ({
          parts: [...parts].map(([partNumber, { size, etag, crc32 }]) => ({ partNumber, size, etag, crc32 })),
          next: undefined,
          checksum: { algorithm: "CRC32", type: "FULL_OBJECT" }
        })),
      listMultipartUploads: () => unused,
      putObject: () => unused,
      headObject: ({ key }) => {
        const object = objects.get(key)
        return object === undefined
          ? Effect.fail(uploadError({ _tag: "NoSuchKey" }))
          : Effect.succeed({
              key,
              size: object.bytes.length,
              etag: object.etag,
              metadata: object.upload.metadata,
              versionId: undefined,
              lastModified: undefined,
              crc32: undefined,
              serverSideEncryption: undefined
            })
      },
      getObject: ({ key, range }) => {
        const object = objects.get(key)
        if (object === undefined) return Effect.fail(uploadError({ _tag: "NoSuchKey" }))
        const { bytes, etag, upload } = object
        const { start = 0, end = bytes.length - 1 } = range !== undefined && "start" in range ? range : {}
        const asked = bytes.subarray(start, end + 1)
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => {
            controller.enqueue(asked)
            controller.close()
          }
        })
        return Effect.succeed({
          ...{ key, size: bytes.length, etag, metadata: upload.metadata, body },
          ...{ contentLength: asked.length, contentRange: `bytes ${start}-${end}/${bytes.length}` },
          ...{ versionId: undefined, lastModified: undefined, crc32: undefined, serverSideEncryption: undefined }
        })
      },
      deleteObject: () => unused,
      headBucket: () => Effect.void
    }

    const api = ObjectStore.around(fair, (operation, run) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const at = now - began
        if (operation._tag === "UploadPart") {
          const { key, partNumber, attempt } = operation.input
          attempts.push({ key, partNumber, attempt, at })
        }
        const error = weather(operation._tag, at)
        return error === undefined ? run : Effect.fail(error)
      })
    )
    return {
      api,
      attempts,
      openUploads: () => uploads.size,
      object: (key) => objects.get(key)?.bytes
    }
  })
