/**
 * What the journal's record of an upload does not say and `sluice resume` needs: which file, and which store.
 *
 * @module
 */
import { type Provider, profiles } from "@sluice/core/Limits"
import type { Plugin, Session } from "@sluice/core/promise"
import * as Effect from "effect/Effect"
import type { Place } from "./Settings.ts"

export interface ResumeNote extends Place {
  /** From the root; `-` for standard input; undefined where the path is too long to keep. */
  readonly file: string | undefined
}

/** The annotation by which an upload tells the plugin its file. */
const annotation = "file"
export const annotationsFor = (file: string | undefined): Readonly<Record<string, string>> =>
  file === undefined ? {} : { [annotation]: file }

/** Longest path that is kept: it lies in the session's head, which holds 16 KiB. */
const maxPathLength = 2_048

export const noteName = "sluice/cli"

/**
 * Keeps the note in the session itself: written with its first record, gone with its last, and as safe. A session id
 * is a capability, so there is no second place that could name it.
 */
export const notePlugin = (place: Place): Plugin => ({
  name: noteName,
  open: (upload) => {
    const file = upload.annotations[annotation]
    const note: ResumeNote = { ...place, file: file !== undefined && file.length > maxPathLength ? undefined : file }
    // A file that cannot be read has no size: the one noted before may be the right one.
    const readable = file === "-" || upload.source.size !== undefined
    return Effect.as(upload.resumed && !readable ? Effect.void : upload.save(note), {})
  }
})

const isProvider = (text: string | undefined): text is Provider => text !== undefined && Object.hasOwn(profiles, text)

/** The note of a session; undefined where the command line did not begin it. */
export const noteOf = ({ pluginState }: Pick<Session, "pluginState">): ResumeNote | undefined => {
  const saved = pluginState[noteName]
  if (typeof saved !== "object" || saved === null) return undefined
  const text = (field: keyof ResumeNote): string | undefined => {
    const value: unknown = Reflect.get(saved, field)
    return typeof value === "string" ? value : undefined
  }
  const provider = text("provider")
  return {
    file: text("file"),
    endpoint: text("endpoint"),
    region: text("region"),
    profile: text("profile"),
    provider: isProvider(provider) ? provider : undefined
  }
}
