/**
 * Who is compared, in the order of the table.
 *
 * @module
 */

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {string} what one line for the reader
 * @property {string} script
 * @property {ReadonlyArray<string>} args
 * @property {"file" | "stream"} kind
 * @property {URL} [needs] a built file without which the row cannot run
 * @property {boolean} [etags] told the MD5s of the file's parts
 */

/**
 * @param {string} name
 * @param {string} what
 * @param {string} script
 * @param {ReadonlyArray<string>} args
 * @param {URL} [needs]
 * @returns {Row[]}
 */
const fileAndStream = (name, what, script, args, needs) =>
  /** @type {const} */ (["file", "stream"]).map((kind) => ({
    name: `${name}-${kind}`,
    what,
    script,
    args: [...args, kind],
    kind,
    ...(needs === undefined ? {} : { needs })
  }))

/** @type {ReadonlyArray<Row>} */
export const rows = [
  ...fileAndStream("loop", "bare node:http loop, 8 MiB × 4, CRC32 header, unsigned", "loop.js", []),
  ...fileAndStream("lib-storage", "@aws-sdk/lib-storage as its readme shows it", "lib-storage.js", ["default"]),
  ...fileAndStream("lib-storage-tuned", "best settings we know, 8 MiB × 4, CRC32 header", "lib-storage.js", ["tuned"]),
  ...fileAndStream("lib-storage-unchecked", "the same without any checksum", "lib-storage.js", ["unchecked"]),
  ...fileAndStream(
    "sluice",
    "@sluice/core/promise with its defaults, 8 MiB × 4, CRC32 header",
    "sluice.js",
    [],
    new URL("../packages/core/dist/promise.js", import.meta.url)
  ),
  {
    name: "loop-md5-file",
    what: "the bare loop with CRC32 and MD5 of every part",
    script: "loop.js",
    args: ["file", "md5"],
    kind: "file"
  },
  .../** @type {const} */ (["workers", "inline"]).map((where) => ({
    name: `sluice-md5-${where}`,
    what: `the same with integrity/etag, MD5 ${where === "workers" ? "in worker threads" : "in-line"}`,
    script: "sluice-md5.js",
    args: [where],
    kind: /** @type {const} */ ("file"),
    etags: true,
    needs: new URL("../packages/plugins/dist/integrity/etag/index.js", import.meta.url)
  }))
]
