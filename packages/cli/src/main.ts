/**
 * The command `sluice`: finds the command, runs it, turns what happens into an exit code.
 *
 * @module
 */
import { Console } from "node:console"
import { readFileSync } from "node:fs"
import { type Command, exitCode, helpOf, outOfTime, UsageError, type World } from "./Command.ts"
import { explain } from "./explain.ts"

/** Loaded only when asked for, so that `--help` answers at once. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  upload: async () => (await import("./commands/upload.ts")).upload,
  get: async () => (await import("./commands/get.ts")).get,
  head: async () => (await import("./commands/head.ts")).head,
  ls: async () => (await import("./commands/ls.ts")).ls,
  cp: async () => (await import("./commands/cp.ts")).cp,
  rm: async () => (await import("./commands/rm.ts")).rm,
  verify: async () => (await import("./commands/verify.ts")).verify,
  resume: async () => (await import("./commands/resume.ts")).resume,
  cancel: async () => (await import("./commands/cancel.ts")).cancel,
  sweep: async () => (await import("./commands/sweep.ts")).sweep,
  doctor: async () => (await import("./commands/doctor.ts")).doctor,
  bucket: async () => (await import("./commands/bucket.ts")).bucket,
  advice: async () => (await import("./commands/advice.ts")).advice,
  describe: async () => (await import("./commands/describe.ts")).describe,
  versions: async () => (await import("./commands/versions.ts")).versions,
  restore: async () => (await import("./commands/restore.ts")).restore,
  serve: async () => (await import("./commands/serve.ts")).serve,
  s3: async () => (await import("./commands/s3.ts")).s3,
  chaos: async () => (await import("./commands/chaos.ts")).chaos
}

/** How long an interrupted command may take to keep its upload, or to leave nothing behind. */
const graceMs = 4_500

const version = (): string => {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : ""
}

const overview = async (): Promise<string> => {
  const rows = await Promise.all(Object.values(commands).map((load) => load()))
  return [
    "sluice: uploads to S3-compatible stores, shown identical.",
    "",
    ...rows.map(({ name, summary }) => `  sluice ${name.padEnd(10)}${summary}`),
    "",
    "sluice COMMAND --help says more."
  ].join("\n")
}

const commandOf = (name: string | undefined): Promise<Command> => {
  const load = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load !== undefined) return load()
  throw new UsageError([
    `${name === undefined ? "name a command" : `there is no command "${name}"`}; try sluice --help`
  ])
}

let running: Command | undefined

const run = async (argv: ReadonlyArray<string>, world: World): Promise<number> => {
  const [name, ...args] = argv
  if (name === "--version" || name === "-v") return done(world, version())
  if (name === "--help" || name === "-h" || name === "help") {
    const named = await Promise.all(args.filter((arg) => !arg.startsWith("-")).map(commandOf))
    return done(world, named.length === 0 ? await overview() : named.map(helpOf).join("\n\n"))
  }
  const command = await commandOf(name)
  const end = args.indexOf("--")
  const asks = (end === -1 ? args : args.slice(0, end)).some((arg) => arg === "--help" || arg === "-h")
  if (asks) return done(world, helpOf(command))
  running = command
  return command.run(args, world)
}

const done = ({ out }: World, text: string): number => {
  out(text)
  return exitCode.done
}

const codeFor = (error: unknown): number => {
  const isUsage = error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")
  return isUsage || error instanceof UsageError ? exitCode.usage : exitCode.failed
}

const status = (terminal: NodeJS.WriteStream) => (line: (columns: number) => string) => {
  terminal.write(`\r\u001b[2K${line(terminal.columns)}`)
}

/** Ctrl-C once: stop, and leave what can be resumed or nothing. Twice, or when that takes too long: end now. */
const stopOn = (signals: ReadonlyArray<NodeJS.Signals>, err: (line: string) => void): AbortSignal => {
  const controller = new AbortController()
  const stop = () => {
    if (controller.signal.aborted) process.exit(exitCode.stopped)
    controller.abort()
    setTimeout(() => {
      err(outOfTime(running))
      process.exit(exitCode.stopped)
    }, graceMs)
  }
  for (const signal of signals) process.on(signal, stop)
  return controller.signal
}

const err = (line: string) => process.stderr.write(`${line}\n`)
const world: World = {
  env: process.env,
  out: (line) => process.stdout.write(`${line}\n`),
  err,
  status: process.stderr.isTTY ? status(process.stderr) : undefined,
  signal: stopOn(["SIGINT", "SIGTERM"], err)
}
// Standard output belongs to the command: what the engine logs goes to standard error.
globalThis.console = new Console(process.stderr)
// A reader that has seen enough (`| head`) is no failure of ours.
process.stdout.on("error", () => process.exit(exitCode.done))
const code = await run(process.argv.slice(2), world).catch((error: unknown) => {
  for (const line of explain(error)) err(line)
  return codeFor(error)
})
process.exit(code)
