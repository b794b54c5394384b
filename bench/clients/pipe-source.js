/** Writes as many bytes to standard output as its argument says: the other end of the pipe in `memory.js`. */
import { once } from "node:events"
import { MiB } from "../workload.js"

const size = Number(process.argv[2])
const block = Buffer.alloc(MiB, "sluice")

for (let written = 0; written < size; ) {
  const piece = block.subarray(0, Math.min(block.length, size - written))
  if (!process.stdout.write(piece)) await once(process.stdout, "drain")
  written += piece.length
}
