import { startS3 } from "../../src/index.ts"
import { realStoreNames, realStoreSuite, startRealStore } from "../../src/real/real-stores.ts"
import { s3Behaviour } from "../s3-behaviour.ts"

// First, because its cases name the rows of the table.
s3Behaviour("embedded", () => startS3({ idempotentComplete: true, kmsKeys: new Map([["sluice", "enabled"]]) }))

for (const name of realStoreNames) {
  s3Behaviour(name, () => startRealStore(name), realStoreSuite(name, name))
}
