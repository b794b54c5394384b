import type { JournalPlace } from "./Settings.ts"
import { stdin } from "./Target.ts"

/** As a POSIX shell takes it for one word. */
const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** The command line that goes on with a kept upload. Pure. */
export const resumeLine =
  (source: string, { byFlag, directory }: JournalPlace) =>
  (sessionId: string): string =>
    [
      `sluice resume ${sessionId}`,
      // The same bytes must come again; only who made them knows how.
      ...(source === stdin ? [stdin] : []),
      ...(byFlag ? ["--journal", shellWord(directory)] : [])
    ].join(" ")
