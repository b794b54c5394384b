/** The store's own words, fit for a log line. @module */

/** Long enough for a sentence; HTML pages and echoed requests are cut. */
const longest = 300

const secrets: ReadonlyArray<readonly [RegExp, string]> = [
  // Signed query strings (SigV4 and SigV2), then credentials in URLs.
  [/([?&](?:X-Amz-[A-Za-z-]+|AWSAccessKeyId|Signature|Expires)=)[^&\s"'<>]*/gi, "$1…"],
  [/\/\/[^/@\s]+@/g, "//…@"],
  [/\b(Authorization|Credential|Signature|Token|Secret|Password)\b(\s*[:=]\s*)\S+/gi, "$1$2…"],
  // Access key ids, and what is as long and dense as a key, signature or token.
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b/g, "…"],
  [/[A-Za-z0-9+/=_-]{32,}/g, "…"]
]

/** One line of at most 300 characters, without mark-up, keys, signatures or tokens. */
export const safeMessage = (message: string | undefined): string => {
  if (message === undefined) return ""
  const plain = message
    .slice(0, 10 * longest)
    .replace(/<[^>]*>/g, " ")
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim()
  const clean = secrets.reduce((text, [pattern, instead]) => text.replace(pattern, instead), plain)
  return (clean.length > longest ? `${clean.slice(0, longest)}…` : clean).replace(/[.;:\s]+$/, "")
}
