import { recordName } from "./Records.ts"
import type { S3Store } from "./store/S3Store.ts"

/** A store that can be asked what lies in it for nothing. */
export interface WatchedStore extends S3Store {
  /** Blobs that no record names, and bodies that were neither kept nor dropped; one line each. */
  leftovers(): ReadonlyArray<string>
}

/** Keeps count of what goes into a store and what leaves it, whoever is at fault. */
export function watchStore(store: S3Store): WatchedStore {
  const blobs = new Set<string>()
  const named = new Map<string, ReadonlyArray<string>>()
  let writers = 0
  const watch = (record: Parameters<S3Store["save"]>[0]): void => {
    const segments = "segments" in record ? record.segments : []
    named.set(
      recordName(record),
      segments.map(({ blob }) => blob)
    )
  }
  return {
    open: async () => {
      const records = await store.open()
      for (const record of records) watch(record)
      return records
    },
    save: async (record) => {
      await store.save(record)
      watch(record)
    },
    remove: async (records) => {
      await store.remove(records)
      for (const record of records) named.delete(recordName(record))
    },
    writeBlob: async () => {
      const writer = await store.writeBlob()
      writers += 1
      return {
        write: (chunk) => writer.write(chunk),
        commit: async () => {
          const blob = await writer.commit()
          writers -= 1
          blobs.add(blob)
          return blob
        },
        abort: async () => {
          await writer.abort()
          writers -= 1
        }
      }
    },
    readBlob: (blob, offset, length) => store.readBlob(blob, offset, length),
    forgetBlob: async (blob) => {
      await store.forgetBlob(blob)
      blobs.delete(blob)
    },
    close: () => store.close(),
    leftovers: () => {
      const needed = new Set([...named.values()].flat())
      return [
        ...[...blobs].filter((blob) => !needed.has(blob)).map((blob) => `blob ${blob}: no record names it`),
        ...(writers === 0 ? [] : [`${writers} bodies that were neither kept nor dropped`])
      ]
    }
  }
}
