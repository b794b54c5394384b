/**
 * The stores that a server offers by name: `media=s3://media archive=s3://cold/2026/?region=eu-north-1`. Pure.
 *
 * @module
 */
import { prefixProblem } from "@sluice/core/PrefixedStore"
import { parseBucket, parseEndpoint, parseProvider, parseRegion, type StoreConfig } from "./Config.ts"
import type { Problems } from "./Problems.ts"

/** A store with a name. What it does not say is as elsewhere in the environment. */
export interface NamedStore extends Pick<StoreConfig, "endpoint" | "region" | "provider"> {
  readonly name: string
  readonly bucket: string
  readonly prefix: string | undefined
  /** Of the shared AWS config files. */
  readonly profile: string | undefined
}

const details: ReadonlyArray<string> = ["endpoint", "region", "profile", "provider"]

const readStore = (variable: string, item: string, problems: Problems): NamedStore | undefined => {
  const [, name, bucket = "", prefix = "", query] =
    /^([a-z][a-z0-9-]*)=s3:\/\/([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/.exec(item) ?? []
  if (name === undefined) {
    problems.add(
      variable,
      `"${item}" is not understood; write name=s3://bucket or name=s3://bucket/folder/?region=NAME`
    )
    return undefined
  }
  const at = `${variable} ${name}`
  const asked = new URLSearchParams(query)
  for (const word of asked.keys()) {
    if (!details.includes(word)) problems.add(at, `"${word}" is none of ${details.join(", ")}`)
  }
  const folder = prefix === "" ? undefined : prefixProblem(prefix)
  if (folder !== undefined) problems.add(at, folder)
  if (bucket === "") problems.add(at, "no bucket is named")
  return {
    name,
    bucket: problems.read(at, bucket, parseBucket) ?? "",
    prefix: prefix === "" ? undefined : prefix,
    endpoint: problems.read(at, asked.get("endpoint") ?? undefined, parseEndpoint),
    region: problems.read(at, asked.get("region") ?? undefined, parseRegion),
    provider: problems.read(at, asked.get("provider") ?? undefined, parseProvider),
    profile: asked.get("profile") ?? undefined
  }
}

/** Those of the variable, in its order; none where it is not set. */
export const readStores = (
  variable: string,
  text: string | undefined,
  problems: Problems
): ReadonlyArray<NamedStore> => {
  const stores = (text ?? "")
    .split(/[\s,]+/)
    .filter((item) => item !== "")
    .flatMap((item) => readStore(variable, item, problems) ?? [])
  const names = stores.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) problems.add(variable, `"${twice}" is named twice`)
  return stores
}
