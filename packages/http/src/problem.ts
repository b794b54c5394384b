/**
 * RFC 9457 problem details: the one shape of every error answer.
 *
 * @module
 */

/** What went wrong, in words that may leave the server. */
export interface Problem {
  /** 400 … 599. */
  readonly status: number
  /** Stable name for code: a `ReasonTag` of the engine or a name of this package. */
  readonly reason: string
  /** A few words, the same for every occurrence. */
  readonly title: string
  /** One sentence about this occurrence: what was wrong and what to do. */
  readonly detail: string
  /** Whether the same request may succeed later. Default false. */
  readonly retryable?: boolean | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** A problem of this package's own, thrown. */
export class HttpProblem extends Error {
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.detail)
    this.name = "HttpProblem"
    this.problem = problem
  }
}

/** The response to a problem: `application/problem+json`, never cached. */
export const problem = ({ headers, reason, title, status, detail, retryable = false }: Problem): Response =>
  new Response(JSON.stringify({ type: `urn:sluice:problem:${reason}`, title, status, detail, reason, retryable }), {
    status,
    headers: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      ...headers
    }
  })
