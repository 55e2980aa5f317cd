import { defineConfig } from 'vite';

// The page takes what jssip takes: with WEB_PHONE_ENGINE=jssip it is built on jssip itself, to
// compare the two.
const engine = process.env.WEB_PHONE_ENGINE;

// Where `npm run dev` finds an exchange: the config.json it serves, and its WebSocket.
const exchange = process.env.OFFHOOK_EXCHANGE ?? 'http://localhost:8080';

export default defineConfig({
  base: './',
  build: {
    target: 'es2022',
    // Nothing is to be inlined that the page's Content-Security-Policy would refuse.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The engine is a WebAssembly module, and travels inside.
    chunkSizeWarningLimit: 1000,
  },
  define: { global: 'globalThis', EXCHANGE: JSON.stringify(exchange) },
  resolve: engine ? { alias: { offhook: engine } } : {},
  server: {
    proxy: {
      '/config.json': { target: exchange, changeOrigin: true },
    },
  },
});
