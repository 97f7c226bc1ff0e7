import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [vue()],
  // `npm run dev`: the page comes from here, and what it asks for from the service of server/main.py.
  server: { port: 8080, proxy: { "/books": "http://127.0.0.1:5000" } },
});
