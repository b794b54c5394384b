/**
 * `sluice upload`: files and pipes into a store.
 *
 * @module
 */
import { resolve } from "node:path"
import { type Sluice, Source } from "@sluice/core/promise"
import { type Command, exitCode, type World } from "../Command.ts"
import { followUpload } from "../follow-upload.ts"
import { openEngine, pluginsFor } from "../open-engine.ts"
import { openJournal } from "../open-journal.ts"
import { annotationsFor } from "../ResumeNote.ts"
import { resumeLine } from "../resume-line.ts"
import { stdin } from "../Target.ts"
import { flags, isJournalled, readUploadJob, type UploadJob } from "../UploadJob.ts"
import { uploadFiles } from "../upload-files.ts"

export const upload: Command = {
  name: "upload",
  takes:
    "FILE… s3://bucket/prefix/   |   FILE s3://bucket/key   |   - s3://bucket/key   |   -r DIR… s3://bucket/prefix/",
  summary: "Stores files, or standard input (-), and shows that the store holds exactly their bytes.",
  details: [
    "A target that ends in / (or several files) keeps the files' names below it; one file and a target",
    "without / at its end gives the file that key. What stands at a key already is replaced.",
    "",
    "Of several files, each is stored or fails by itself; one line for each, and a summary. A directory",
    "(--recursive) keeps its name below the prefix, one that is written with / at its end does not. A",
    "pattern in quotes ('photos/**/*.jpg') finds files by itself and keeps their paths below photos/.",
    "--include and --exclude take patterns for names, or with a slash for paths below the directory.",
    "",
    "Ctrl-C stops, keeps what is stored of a file, and prints the line that goes on with it; so does a",
    "failure that may pass. A pipe cannot be read again, and a file smaller than a part goes in one",
    "request: these are aborted, and nothing is left on the store.",
    "A second Ctrl-C does not wait. What a killed process leaves is in the list of sluice resume.",
    "",
    "Credentials come from the environment, profiles, SSO, web identity and instance roles.",
    "The engine's settings can also be given as SLUICE_* variables; .env.example lists them.",
    "Exit codes: 0 stored, 1 failed, 2 not understood, 130 interrupted."
  ],
  flags,
  uploads: true,
  run: async (args, world) => {
    const job = readUploadJob(args, world.env)
    const journal = job.journal === undefined ? undefined : await openJournal(job.journal.directory)
    const plugins = await pluginsFor(job)
    await using keeping = openEngine({ ...job, journal, plugins }, world)
    await using passing = openEngine({ ...job, journal: undefined, plugins }, world)
    if (job.batch !== undefined) return await uploadFiles(job, job.batch, { keeping, passing, journal }, world)
    for (const [source, key] of job.keys) {
      if (world.signal.aborted) return exitCode.stopped
      const body = source === stdin ? Source.stdin() : Source.file(source)
      const sluice = isJournalled(body.size, job.engine) ? keeping : passing
      const code = await uploadOne(sluice, body, source, key, job, job.quiet ? { ...world, out: () => {} } : world)
      if (code !== exitCode.done) return code
    }
    return exitCode.done
  }
}

const uploadOne = (
  sluice: Sluice,
  body: Source.Source,
  source: string,
  key: string,
  job: UploadJob,
  world: World
): Promise<number> => {
  const running = sluice.upload({
    key,
    body,
    maxSize: job.maxSize,
    annotations: annotationsFor(source === stdin ? stdin : resolve(source)),
    ...job.attributes
  })
  const resume = job.journal === undefined ? String : resumeLine(source, job.journal)
  return followUpload(running, { name: source === stdin ? key : source, json: job.json, resumeLine: resume }, world)
}
