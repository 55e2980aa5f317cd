// The npm module `debug`, in its browser build.
declare module 'debug/src/browser.js' {
  export interface Debugger {
    (format: unknown, ...args: unknown[]): void;
    color: string;
    diff: number;
    enabled: boolean;
    log: (...args: unknown[]) => void;
    namespace: string;
    destroy: () => void;
    extend: (namespace: string, delimiter?: string) => Debugger;
  }

  export interface Debug {
    (namespace: string): Debugger;
    debug: Debug;
    default: Debug;
    coerce: (value: unknown) => unknown;
    disable: () => string;
    enable: (namespaces: string) => void;
    enabled: (namespace: string) => boolean;
    formatArgs: (this: Debugger, args: unknown[]) => void;
    formatters: Record<string, (value: unknown) => string>;
    humanize: (value: number, options?: { long: boolean }) => string;
    inspectOpts?: Record<string, unknown>;
    log: (...args: unknown[]) => void;
    names: string[];
    selectColor: (namespace: string) => string;
    skips: string[];
  }

  const debug: Debug;
  export default debug;
}
