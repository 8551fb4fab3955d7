/** The limits of an instance. */
export interface Options {
  /**
   * The addresses that the instance may send requests to; any address by default. Each is `host:port`, such as
   * `127.0.0.1:8000`. A label `*` stands for one label of a name: `dynamodb.*.amazonaws.com:443`. A name that only an
   * entry with a `*` allows must not resolve to an internal address, such as loopback, private and link-local ones.
   */
  allow?: readonly string[];
}

/**
 * Returns the imports of an instance. Pass them to `instantiate`:
 *
 * ```js
 * const { state } = await instantiate(compiled, imports({ AWS_REGION: 'eu-west-1' }));
 * ```
 *
 * The instance may send HTTP requests, and write to standard output and standard error.
 *
 * @param env The environment variables that the instance sees. It sees no others.
 * @param directories The directories that the instance may read, none by default. Each key is a name inside the
 *   instance, and its value the path outside.
 */
export function imports(
  env: Record<string, string | undefined>,
  directories?: Record<string, string>,
  options?: Options,
): any;

/**
 * Returns the imports of an instance whose calls do not block the event loop. It must be transpiled by `npm run
 * component:async`, and needs JavaScript Promise Integration: Node 24 or later. Otherwise like `imports`.
 */
export function asyncImports(
  env: Record<string, string | undefined>,
  directories?: Record<string, string>,
  options?: Options,
): any;

/** Exports whose functions all return a promise. */
export type Queued<Exports> = {
  [Name in keyof Exports]: Exports[Name] extends (...given: infer Given) => infer Result
    ? (...given: Given) => Promise<Awaited<Result>>
    : Queued<Exports[Name]>;
};

/**
 * Returns the exports of an instance with `asyncImports`, such that each call begins when the one before it has ended.
 * Two calls of one instance at once would destroy its memory. Use an instance for each call that runs at the same time.
 */
export function queued<Exports>(exports: Exports): Queued<Exports>;

/**
 * Sets the idle timeout of this thread's connections, in milliseconds; 20,000 by default. A server can shorten it.
 *
 * With 0, each request opens a connection, as long as fewer than 512 are under way. Closes the connections that are idle now.
 */
export function setIdleTimeout(milliseconds: number): void;
