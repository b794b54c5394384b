/**
 * `sluice upload`: files and pipes into a store.
 *
 * @module
 */
import { createSluice, type Plugin, type Sluice, Source, s3, type UploadEvent } from "@sluice/core/promise"
import { type Command, exitCode, type World } from "../Command.ts"
import { progressLine, storedLine } from "../progress-line.ts"
import { stdin } from "../Target.ts"
import { flags, readUploadJob, type UploadJob } from "../UploadJob.ts"

export const upload: Command = {
  name: "upload",
  takes: "FILE… s3://bucket/prefix/   |   FILE s3://bucket/key   |   - s3://bucket/key",
  summary: "Stores files, or standard input (-), and shows that the store holds exactly their bytes.",
  details: [
    "A target that ends in / (or several files) keeps the files' names below it; one file and a target",
    "without / at its end gives the file that key. What stands at a key already is replaced.",
    "",
    "Ctrl-C ends the upload and leaves nothing on the store; a second Ctrl-C does not wait for that.",
    "An interrupted upload cannot be resumed yet: it is always aborted, with and without --no-resume.",
    "",
    "Credentials come from the environment, profiles, SSO, web identity and instance roles.",
    "The engine's settings can also be given as SLUICE_* variables; .env.example lists them.",
    "Exit codes: 0 stored, 1 failed, 2 not understood, 130 interrupted."
  ],
  flags,
  run: async (args, world) => {
    const job = readUploadJob(args, world.env)
    const sluice = createSluice({
      store: s3(job.store),
      plugins: job.sse ? [await sse()] : [],
      ...job.engine
    })
    try {
      for (const [source, key] of job.keys) {
        await uploadOne(sluice, source, key, job, world)
        if (world.signal.aborted) return exitCode.stopped
      }
      return exitCode.done
    } finally {
      await sluice.dispose()
    }
  }
}

/** Loaded only where it is asked for. */
const sse = async (): Promise<Plugin> => (await import("@sluice/plugins/encryption/sse-s3")).sseS3()

const uploadOne = async (sluice: Sluice, source: string, key: string, job: UploadJob, world: World): Promise<void> => {
  const started = performance.now()
  const name = source === stdin ? key : source
  const running = sluice.upload({
    key,
    body: source === stdin ? Source.stdin() : Source.file(source),
    maxSize: job.maxSize,
    signal: world.signal,
    ...job.attributes,
    onProgress: (progress) => world.status?.((columns) => progressLine(name, progress, columns))
  })
  const printed = job.json ? printEvents(running.events(), world) : undefined
  try {
    const stored = await running.done()
    await printed
    world.status?.(() => "")
    if (!job.json) world.out(storedLine(stored, (performance.now() - started) / 1000))
  } catch (error) {
    world.status?.(() => "")
    // An interrupted upload has ended when nothing of it is left, not when its result is known.
    await running.abort()
    await printed
    if (!world.signal.aborted) throw error
  }
}

const printEvents = async (events: AsyncIterable<UploadEvent>, { out }: World): Promise<void> => {
  for await (const event of events) out(JSON.stringify(event))
}
