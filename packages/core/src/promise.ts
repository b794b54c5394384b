/**
 * The same engine without Effect: promises, `AbortSignal`, async iterators.
 *
 * @module
 */
