/**
 * What GET and HEAD read of an object, in one of two ways: as it is stored, or through the plugins that made it.
 *
 * @module
 */
import { madeBy } from "@sluice/core/Plugin"
import type { ByteRange, ObjectHead } from "@sluice/core/promise"
import { isUploadError, uploadError } from "@sluice/core/UploadError"
import { HttpProblem } from "../problem.ts"
import type { Direct } from "./Direct.ts"
import { quoted } from "./range.ts"

/** What is known of an object without its bytes. */
export interface Look {
  readonly head: ObjectHead
  /** Bytes of it as it was meant; undefined where a plugin does not know before it has read them. */
  readonly wholeSize: number | undefined
}

export interface Opened extends Look {
  /** Bytes of `stream`. */
  readonly size: number | undefined
  /** `bytes 0-499/1000` where it is a range. */
  readonly contentRange: string | undefined
  readonly stream: ReadableStream<Uint8Array>
}

/** A range that is meant of one version of the object only. */
export interface Wanted {
  readonly range: ByteRange
  readonly ifMatch: string | undefined
}

export interface ObjectReader {
  readonly look: () => Promise<Look>
  /** The object, or a range of it. Rejects with `PreconditionFailed` where that is of another version. */
  readonly open: (wanted?: Wanted | undefined) => Promise<Opened>
}

/**
 * Without a plugin that reads, one GET of the store. With one, whatever the object: only the plugin knows its work, and the
 * bytes are compared.
 */
export const objectReader = async (direct: Direct): Promise<ObjectReader> => {
  const { bytes } = await direct.sluice.describe()
  return bytes.read.length === 0 ? asStored(direct) : asMeant(direct, bytes.read)
}

/** Stored bytes of an object are sent only where they are those that were meant. */
const checkReadable = (head: ObjectHead, loaded: ReadonlyArray<string>): void => {
  const missing = madeBy(head).filter((name) => !loaded.includes(name))
  if (missing.length === 0) return
  throw new HttpProblem({
    status: 501,
    reason: "PluginNotLoaded",
    title: "A plugin is missing",
    detail: `the object was made by the plugin "${missing.join('" and "')}", without which this server cannot read it`
  })
}

const asStored = ({ key, signal, sluice }: Direct): ObjectReader => ({
  look: async () => {
    const head = await sluice.head(key)
    checkReadable(head, [])
    return { head, wholeSize: head.size }
  },
  open: async (wanted) => {
    const content = await sluice.get(key, { ...wanted, signal })
    try {
      checkReadable(content, [])
    } catch (error) {
      await content.body.cancel()
      throw error
    }
    const { body: stream, contentLength: size, contentRange } = content
    return { head: content, wholeSize: content.size, size, contentRange, stream }
  }
})

const asMeant = ({ key, signal, sluice }: Direct, loaded: ReadonlyArray<string>): ObjectReader => {
  const read = async (range?: ByteRange | undefined) => {
    try {
      return await sluice.read({ key, range, signal })
    } catch (error) {
      // Of all that makes no sense, this is not the client's doing.
      if (isUploadError(error) && error.reason._tag === "InvalidRequest") checkReadable(await sluice.head(key), loaded)
      throw error
    }
  }
  return {
    look: async () => {
      // Not all of it will be read: nothing more than a HEAD is asked for.
      const { head, stream, wholeSize } = await read({ start: 0 })
      await stream.cancel()
      return { head, wholeSize }
    },
    open: async (wanted) => {
      const opened = await read(wanted?.range)
      const { head, size, stream, wholeSize } = opened
      if (wanted === undefined) return { ...opened, contentRange: undefined }
      if (wanted.ifMatch !== undefined && wanted.ifMatch !== quoted(head.etag)) {
        await stream.cancel()
        throw uploadError({ _tag: "PreconditionFailed", message: "the object is not the one that If-Range names" })
      }
      if (wholeSize !== undefined && size !== undefined && size > 0) {
        const start = "suffix" in wanted.range ? wholeSize - size : wanted.range.start
        return { ...opened, contentRange: `bytes ${start}-${start + size - 1}/${wholeSize}` }
      }
      await stream.cancel()
      throw uploadError({ _tag: "InvalidRequest", message: "no byte is known to be in the range" })
    }
  }
}
