/**
 * Returns the imports of an instance: pass them to `instantiate`.
 *
 * @param env The environment variables that the instance sees. It sees no others.
 * @param directories The directories that the instance may read: the name inside it, and the path outside.
 */
export function imports(env: Record<string, string | undefined>, directories?: Record<string, string>): any;

/**
 * Sets how long this thread keeps an idle connection open. The default is 20 s; a server can shorten it.
 * Closes the connections that are open now.
 */
export function setIdleTimeout(milliseconds: number): void;
