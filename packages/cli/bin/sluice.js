#!/usr/bin/env node
import { setFlagsFromString } from "node:v8"

// V8 lets its heap grow under a stream to more than the memory formula leaves to the runtime (docs/architecture.md,
// "Memory"), and all the more the longer the stream. It must be said before the program is loaded; Node 22 knows only
// the setting that keeps the young generation small.
const [major] = process.versions.node.split(".")
setFlagsFromString(Number(major) >= 24 ? "--memory-saver-mode" : "--semi-space-growth-factor=1")
await import("../dist/main.js")
