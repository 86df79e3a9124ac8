// Lets Node run a TypeScript program directly: `node --import ./dev/typescript.mjs program.ts`.
import { register } from 'node:module';

register('./typescript-loader.mjs', import.meta.url);
