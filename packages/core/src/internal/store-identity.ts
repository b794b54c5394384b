/** Wrapped stores and what they wrap: what belongs to a store belongs to it through every wrapper. @module */

const inner = new WeakMap<object, object>()

/** `wrapper`, known to be `store` in other clothes. */
export const wrapping = <Store extends object>(store: Store, wrapper: Store): Store => {
  inner.set(wrapper, identityOf(store))
  return wrapper
}

/** The store at the bottom. */
export const identityOf = (store: object): object => inner.get(store) ?? store
