// The npm module `debug`, in its browser build.
declare module 'debug/src/browser.js' {
  const debug: import('./debug').Debug;
  export default debug;
}
