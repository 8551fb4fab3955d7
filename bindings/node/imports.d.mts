/**
 * Returns the imports of an instance. Pass them to `instantiate`:
 *
 * ```js
 * const { state } = await instantiate(compiled, imports({ AWS_REGION: 'eu-west-1' }));
 * ```
 *
 * The instance may send HTTP requests to any address, and write to standard output and standard error.
 *
 * @param env The environment variables that the instance sees. It sees no others.
 * @param directories The directories that the instance may read, none by default. Each key is a name inside the
 *   instance, and its value the path outside.
 */
export function imports(env: Record<string, string | undefined>, directories?: Record<string, string>): any;

/**
 * Sets the idle timeout of this thread's connections, in milliseconds; 20,000 by default. A server can shorten it.
 *
 * Closes the connections that are open now.
 */
export function setIdleTimeout(milliseconds: number): void;
