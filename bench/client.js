/**
 * Runs one client in a process of its own against a sink of its own.
 *
 * @module
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { profileDirectory } from "./profile.js"
import { startSink } from "./sink.js"
import { startFront } from "./tls.js"
import { filePartMd5s } from "./workload.js"

/**
 * The client's environment: the workload and nothing of the caller's (no AWS_*, no NODE_OPTIONS, no profile files), so
 * that defaults are defaults.
 *
 * @param {string} endpoint
 * @param {number} size
 * @param {string} file
 * @param {boolean} etags
 */
const environment = (endpoint, size, file, etags) => ({
  PATH: process.env["PATH"],
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  AWS_EC2_METADATA_DISABLED: "true",
  BENCH_ENDPOINT: endpoint,
  BENCH_SIZE: String(size),
  BENCH_FILE: file,
  ...(etags ? { BENCH_ETAGS: filePartMd5s().join(",") } : {})
})

/**
 * @param {Pick<import("./rows.js").Row, "name" | "script" | "args" | "flags" | "etags" | "tls">} row
 * @param {{ sink: string, file: string, size: number, signal: AbortSignal, identity?: import("./tls.js").Identity | undefined, profile?: boolean, partDelayMs?: number, stdin?: import("node:stream").Readable }} options
 * @returns {Promise<{ measured: import("./measure.js").Measurement, seen: import("./sink.js").SinkReport }>}
 */
export const runClient = async (row, { sink, file, size, signal, identity, profile = false, partDelayMs, stdin }) => {
  signal.throwIfAborted()
  const plain = await startSink(sink, partDelayMs)
  const front = row.tls === true && identity !== undefined ? await startFront(plain.endpoint, identity) : undefined
  const stop = async () => {
    await front?.stop()
    return plain.stop()
  }
  const script = fileURLToPath(new URL(`clients/${row.script}`, import.meta.url))
  const flags = profile ? ["--cpu-prof", `--cpu-prof-dir=${profileDirectory(row.name)}`] : []
  const client = spawn(process.execPath, [...flags, ...(row.flags ?? []), script, ...row.args], {
    stdio: [stdin ?? "ignore", "pipe", "inherit"],
    env: {
      ...environment(front?.endpoint ?? plain.endpoint, size, file, row.etags === true),
      ...(identity === undefined || front === undefined ? {} : { NODE_EXTRA_CA_CERTS: identity.certificate })
    },
    signal
  })
  try {
    const [output, [code, killedBy]] = await Promise.all([text(client.stdout), once(client, "exit")])
    if (code !== 0) throw new Error(`${row.name} failed (${killedBy ?? `exit ${code}`}); its message is above`)
    const seen = await stop()
    const received = seen.partBytes + seen.objectBytes
    if (received !== size) throw new Error(`${row.name} sent ${received} bytes of ${size}`)
    return { measured: JSON.parse(output), seen }
  } catch (error) {
    await stop()
    throw error
  }
}
