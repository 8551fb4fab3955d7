/**
 * The imports of an instance that sees this environment alone, and these directories
 * by the names that it knows them by.
 *
 * @returns What `instantiate` of any component takes.
 */
export function imports(env: Record<string, string | undefined>, directories?: Record<string, string>): any;

/**
 * Sets how long this thread keeps an idle connection: 20 s where it is not set, and
 * less where the server says so. Closes those that are kept now.
 */
export function setIdleTimeout(milliseconds: number): void;
