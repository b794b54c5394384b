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
 * @property {ReadonlyArray<string>} [flags] of Node
 * @property {boolean} [tls] over TLS
 * @property {boolean} [etags] told the MD5s of the file's parts
 */

/**
 * @param {string} name
 * @param {string} what
 * @param {string} script
 * @param {ReadonlyArray<string>} args
 * @param {Pick<Row, "flags" | "needs">} [more]
 * @returns {Row[]}
 */
const fileAndStream = (name, what, script, args, more) =>
  /** @type {const} */ (["file", "stream"]).map((kind) => ({
    name: `${name}-${kind}`,
    what,
    script,
    args: [...args, kind],
    kind,
    ...more
  }))

const promiseApi = new URL("../packages/core/dist/promise.js", import.meta.url)
/** Without the packages that Sluice takes where they are installed: they are native addons. */
const alone = ["--no-addons"]

/** @type {ReadonlyArray<Row>} */
export const rows = [
  ...fileAndStream("loop", "bare node:http loop, 8 MiB × 4, CRC32 header, unsigned", "loop.js", []),
  ...fileAndStream("lib-storage", "@aws-sdk/lib-storage as its readme shows it", "lib-storage.js", ["default"]),
  ...fileAndStream("lib-storage-tuned", "best settings we know, 8 MiB × 4, CRC32 header", "lib-storage.js", ["tuned"]),
  ...fileAndStream("lib-storage-unchecked", "the same without any checksum", "lib-storage.js", ["unchecked"]),
  ...fileAndStream("sluice", "@sluice/core/promise with its defaults, 8 MiB × 4, CRC32 header", "sluice.js", [], {
    flags: alone,
    needs: promiseApi
  }),
  ...fileAndStream("sluice-native", "the same where the package @node-rs/crc32 is installed", "sluice.js", [], {
    needs: promiseApi
  }),
  .../** @type {const} */ ([
    ["plain", "the same in Effect, nobody listening"],
    ["spans", "a tracer keeps every span"],
    ["plugins", "ten plugins look on and do nothing"]
  ]).map(([variant, what]) => ({
    name: `sluice-effect-${variant}`,
    what,
    script: "sluice-effect.js",
    args: [variant],
    kind: /** @type {const} */ ("file"),
    flags: alone,
    needs: promiseApi
  })),
  .../** @type {const} */ (["loop", "lib-storage", "sluice"]).map((client) => ({
    name: `${client}-tls-file`,
    what: `${client}-file over TLS 1.3`,
    script: `${client}.js`,
    args: client === "lib-storage" ? ["default", "file"] : ["file"],
    kind: /** @type {const} */ ("file"),
    tls: true,
    ...(client === "sluice" ? { flags: alone, needs: promiseApi } : {})
  })),
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
    flags: alone,
    needs: new URL("../packages/plugins/dist/integrity/etag/index.js", import.meta.url)
  }))
]
