// One call at a time. A component has one stack in its memory: a second call would overwrite
// the values of a call that is suspended.

/** @type {(exports: any) => any} */
export const queued = (exports) => {
  let last = Promise.resolve();
  const one =
    (/** @type {Function} */ call) =>
    (/** @type {unknown[]} */ ...given) => {
      const result = last.then(() => call(...given));
      last = result.then(
        () => {},
        () => {},
      );
      return result;
    };
  const all = (/** @type {Record<string, any>} */ of) => {
    /** @type {Record<string, unknown>} */
    const wrapped = {};
    for (const [name, it] of Object.entries(of)) wrapped[name] = typeof it === 'function' ? one(it) : all(it);
    return wrapped;
  };
  return all(exports);
};
