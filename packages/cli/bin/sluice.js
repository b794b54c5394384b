#!/usr/bin/env node
import { setFlagsFromString } from "node:v8"

// A young generation that stays small: V8 lets it grow to 32 MiB and more under a stream's chunks, which is as
// much as the memory formula leaves to the runtime (docs/architecture.md, "Memory"). It must be said before
// the program is loaded.
setFlagsFromString("--semi-space-growth-factor=1")
await import("../dist/main.js")
