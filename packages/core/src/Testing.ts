/**
 * What a test or a simulation may put in the place of the engine's own: its randomness, its memory. Both are
 * references, provided as a service; nothing of the engine asks for this module.
 *
 * @module
 */
export { SecureRandom } from "./internal/random-token.ts"
export { makeSlabPool, SlabPool } from "./internal/slab-pool.ts"
