import { describe, expect, it } from "vitest"
import { Problems } from "./Problems.ts"
import { readStores } from "./read-stores.ts"

const read = (text: string | undefined) => {
  const problems = new Problems()
  const stores = readStores("SLUICE_STORES", text, problems)
  return { stores, lines: problems.lines }
}

const nothing = { prefix: undefined, endpoint: undefined, region: undefined, provider: undefined, profile: undefined }

describe("stores by name", () => {
  it("are read in their order, over several lines too, with what each says of its place", () => {
    const endpoint = "https://objects.example.com"
    const { lines, stores } = read(
      `media=s3://media\n archive=s3://cold/2026/?region=eu-north-1&endpoint=${endpoint}&profile=cold&provider=ceph`
    )
    expect(lines).toEqual([])
    expect(stores).toEqual([
      { ...nothing, name: "media", bucket: "media" },
      {
        name: "archive",
        bucket: "cold",
        prefix: "2026/",
        endpoint,
        region: "eu-north-1",
        profile: "cold",
        provider: "ceph"
      }
    ])
  })

  it("are none where none are named", () => {
    expect([read(undefined).stores, read(" ").stores]).toEqual([[], []])
  })

  it.each([
    ["media", "not understood"],
    ["media=media", "not understood"],
    ["1=s3://media", "not understood"],
    ["media=s3://", "no bucket"],
    ["media=s3://m", "not usable"],
    ["media=s3://media/../other", "no folder"],
    ["media=s3://media?regoin=eu", '"regoin" is none of'],
    ["media=s3://media?endpoint=nowhere", "give a URL"],
    ["media=s3://media?provider=acme", "give one of"],
    ["media=s3://media media=s3://other", "named twice"]
  ])("are refused where they make no sense: %s", (text, why) => {
    expect(read(text).lines).toEqual([expect.stringContaining(why)])
  })
})
