/** One promise of a service, which any test runner can run. */
export interface ConformanceCase {
  readonly name: string
  /** Rejects when the promise is broken. */
  readonly run: () => Promise<void>
}
