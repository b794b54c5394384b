/**
 * The configuration of ceph/s3-tests for the embedded server. Users of Ceph that S3 does not have are its two.
 *
 * @param {{ port: number, credentials: Credentials }} server
 * @param {Credentials} other
 */
export function cephConfiguration(server, other) {
  const sections = {
    DEFAULT: { host: "127.0.0.1", port: String(server.port), is_secure: "False", ssl_verify: "False" },
    fixtures: {
      "bucket prefix": "s3-tests-{random}-",
      "iam name prefix": "s3-tests-",
      "iam path prefix": "/s3-tests/"
    },
    "s3 main": { ...user("main", server.credentials), api_name: "default", kms_keyid: "sluice" },
    "s3 alt": user("alt", other),
    "s3 tenant": { ...user("tenant", other), tenant: "tenant" },
    iam: user("iam", other),
    "iam root": user("root", server.credentials),
    "iam alt root": user("altroot", other)
  }
  return Object.entries(sections)
    .map(([name, settings]) => `[${name}]\n${lines(settings)}`)
    .join("\n")
}

/** @typedef {{ accessKeyId: string, secretAccessKey: string }} Credentials */

/** @param {Record<string, string>} settings */
const lines = (settings) =>
  Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join("")

/** @param {string} name @param {Credentials} credentials */
const user = (name, { accessKeyId, secretAccessKey }) => ({
  display_name: name,
  user_id: name,
  email: `${name}@localhost`,
  access_key: accessKeyId,
  secret_key: secretAccessKey
})
