/**
 * Who runs the gauntlet, and how each is started. What a rival does is measured, never written down here.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { installTool, toolPath, tools } from "../scripts/lib/tools.js"

/** @typedef {import("./clients/play.js").Job} Job */

/**
 * @typedef {object} Command
 * @property {string} command
 * @property {ReadonlyArray<string>} args
 * @property {Record<string, string>} [env]
 * @property {"job" | "body" | "none"} stdin `job`: a client of ours, which speaks the protocol of `play.js`; `body`: the
 *   job's stream; a command without the protocol ends when it is done, and its exit code is its word
 */

/**
 * @typedef {object} Rival
 * @property {string} id as `--only` names it
 * @property {string} name as the table names it
 * @property {string} about how it is used here
 * @property {string} [tool] its entry in tools.json
 * @property {() => string} version
 * @property {(job: Job) => Command} start
 * @property {Readonly<Record<number, string>>} [cannot] lines for which it has no option at all, and what is missing
 */

const root = fileURLToPath(new URL("../", import.meta.url))

/** @param {string} name */
const packageVersion = (name) => JSON.parse(readFileSync(join(root, name, "package.json"), "utf8")).version

/** @param {string} name */
const toolVersion = (name) => (tools[name]?.version ?? "?").replace(/^v/, "")

/** @param {string} script @param {...string} args */
const inNode =
  (script, ...args) =>
  /** @returns {Command} */
  () => ({ command: process.execPath, args: [join(root, "gauntlet/clients", script), ...args], stdin: "job" })

/** @param {Job} job */
const awsEnvironment = ({ credentials, region }) => ({
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_REGION: region
})

const MiB = 2 ** 20

/** @type {ReadonlyArray<Rival>} */
export const rivals = [
  {
    id: "sluice",
    name: "Sluice",
    about: "the promise API; `abort()`; resumed with `FileJournal`",
    version: () => packageVersion("packages/core"),
    start: inNode("sluice.js")
  },
  {
    id: "lib-storage",
    name: "lib-storage",
    about: "`@aws-sdk/lib-storage`: `new Upload(…).done()`, `abort()`; it has no resume",
    version: () => packageVersion("node_modules/@aws-sdk/lib-storage"),
    start: inNode("lib-storage.js")
  },
  {
    id: "minio-js",
    name: "minio-js",
    about: "`fPutObject`, `putObject`; no abort, so Ctrl-C ends the process; it resumes by itself",
    version: () => packageVersion("node_modules/minio"),
    start: inNode("minio.js")
  },
  {
    id: "files-sdk",
    name: "files-sdk",
    about: "files with an `UploadControl`: `abort()`, and resumed by its token; streams with `multipart`",
    tool: "files-sdk",
    version: () => toolVersion("files-sdk"),
    start: inNode("files-sdk.js")
  },
  {
    id: "bun",
    name: "Bun S3",
    about: "`S3Client.write` of a `Bun.file` or a `Response`; no abort, so Ctrl-C ends the process; no resume",
    tool: "bun",
    version: () => toolVersion("bun"),
    start: () => ({ command: toolPath("bun"), args: [join(root, "gauntlet/clients/bun.js")], stdin: "job" }),
    cannot: { 11: "no condition on a write" }
  },
  {
    id: "s3transfer",
    name: "s3transfer",
    about: "boto3's `upload_file` and `upload_fileobj`; Ctrl-C; no resume",
    tool: "boto3",
    version: () => `boto3 ${toolVersion("boto3")}`,
    start: () => ({
      command: toolPath("boto3"),
      args: [join(root, "gauntlet/clients/boto.py")],
      stdin: "job"
    })
  },
  {
    id: "rclone",
    name: "rclone",
    about: "`rclone copyto`, `rclone rcat`; Ctrl-C; no resume",
    tool: "rclone",
    version: () => toolVersion("rclone"),
    start: ({ bucket, credentials, endless, endpoint, file, key, kind, onlyIfAbsent, partSize, region }) => ({
      command: toolPath("rclone"),
      args: [
        ...(kind === "file" ? ["copyto", file] : ["rcat"]),
        `:s3:${bucket}/${key}`,
        "--s3-no-check-bucket",
        ...(partSize === undefined
          ? []
          : ["--s3-chunk-size", `${partSize / MiB}Mi`, "--s3-upload-cutoff", `${partSize / MiB}Mi`]),
        ...(onlyIfAbsent === true ? ["--header-upload", "If-None-Match: *"] : [])
      ],
      env: {
        // It compares ETags with MD5s where the provider's are; those of the sink are none.
        RCLONE_S3_PROVIDER: endless === undefined ? "Minio" : "Other",
        RCLONE_S3_ENDPOINT: endpoint,
        RCLONE_S3_REGION: region,
        RCLONE_S3_ACCESS_KEY_ID: credentials.accessKeyId,
        RCLONE_S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        RCLONE_CONFIG: "/dev/null"
      },
      stdin: kind === "file" ? "none" : "body"
    })
  },
  {
    id: "s5cmd",
    name: "s5cmd",
    about: "`s5cmd cp`, `s5cmd pipe`; Ctrl-C; `--no-clobber` is its condition; no resume",
    tool: "s5cmd",
    version: () => toolVersion("s5cmd"),
    start: (job) => ({
      command: toolPath("s5cmd"),
      args: [
        "--endpoint-url",
        job.endpoint,
        job.kind === "file" ? "cp" : "pipe",
        ...(job.partSize === undefined ? [] : ["--part-size", String(job.partSize / MiB)]),
        ...(job.onlyIfAbsent === true ? ["--no-clobber"] : []),
        ...(job.kind === "file" ? [job.file] : []),
        `s3://${job.bucket}/${job.key}`
      ],
      env: awsEnvironment(job),
      stdin: job.kind === "file" ? "none" : "body"
    })
  },
  {
    id: "tus-node",
    name: "@tus/server",
    about:
      "`tus-js-client` to `@tus/server` with `@tus/s3-store`, both in one process; `abort(true)`; `FileUrlStorage`",
    tool: "tus",
    version: () => toolVersion("tus"),
    start: inNode("tus.js", "@tus/server"),
    cannot: { 10: "its state is objects, which the sink does not keep", 11: "the server names the object" }
  },
  {
    id: "tusd",
    name: "tusd",
    about: "`tus-js-client` to `tusd` with its S3 store, killed together; `abort(true)`; `FileUrlStorage`",
    tool: "tusd",
    version: () => toolVersion("tusd"),
    start: inNode("tus.js", "tusd"),
    cannot: { 10: "its state is objects, which the sink does not keep", 11: "the server names the object" }
  }
]

/**
 * Installs what a rival needs at its pinned version.
 *
 * @param {Rival} rival
 * @returns {string | undefined} why it cannot run here
 */
export const missing = ({ id, tool }) => {
  const needed = id === "tusd" ? ["tus", "tusd"] : tool === undefined ? [] : [tool]
  for (const name of needed) {
    try {
      installTool(name)
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
  return id === "sluice" && !existsSync(join(root, "packages/core/dist"))
    ? "it is not built (npm run build)"
    : undefined
}
