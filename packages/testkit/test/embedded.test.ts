import { startS3 } from "../src/index.ts"
import { s3Behaviour } from "./s3-behaviour.ts"

// As AWS does it; the server's default, a strict NoSuchUpload, is a case of its own tests.
s3Behaviour("embedded", () => startS3({ idempotentComplete: true, kmsKeys: new Map([["sluice", "enabled"]]) }))
