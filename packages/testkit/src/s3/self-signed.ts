/** A certificate that signs itself, in PEM. */
export interface SelfSigned {
  readonly key: string
  readonly cert: string
}

/**
 * For loopback and these host names, good for a year. Loaded and made only where it is wanted: both take time.
 * `*.localhost` does not cover `media.localhost` for every client (Node refuses wildcards right below a top-level
 * domain), so names that are known are named.
 */
export async function selfSigned(names: ReadonlyArray<string>): Promise<SelfSigned> {
  const { generate } = await import("selfsigned")
  const { private: key, cert } = await generate([{ name: "commonName", value: "sluice testkit" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      // Its own authority: what a client is given to trust is the certificate itself.
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", digitalSignature: true, keyCertSign: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          ...["localhost", ...names].map((value) => ({ type: 2 as const, value })),
          ...["127.0.0.1", "::1"].map((ip) => ({ type: 7 as const, ip }))
        ]
      }
    ]
  })
  return { key, cert }
}
