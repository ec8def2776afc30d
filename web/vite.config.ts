import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    // The server answers with `default-src 'self'`: nothing may become a data: URI or an inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'baseline-widely-available',
  },
  // For work on the page alone: `vite web` beside a running server.
  server: { proxy: { '/v1': 'http://127.0.0.1:8470' } },
});
