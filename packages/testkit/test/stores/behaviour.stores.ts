import { realStoreNames, realStoreSuite, startRealStore } from "../../src/real/real-stores.ts"
import { s3Behaviour } from "../s3-behaviour.ts"

for (const name of realStoreNames) {
  const suite = realStoreSuite(name, name)
  s3Behaviour(name, () => startRealStore(name), suite)
}
